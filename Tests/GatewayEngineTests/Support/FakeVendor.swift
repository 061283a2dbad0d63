// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEngine
import NIOCore
import Synchronization

/// A vendor that does what a test tells it, and counts.
///
/// It knows three models, named by how many pictures a call may ask for: `one`, `two` and `four`.
struct FakeVendor: ImageTaskProvider {
    typealias Answer = Result<ProviderProgress, ProviderError>

    static let descriptor = ProviderDescriptor(
        kind: "fake",
        title: "Fake",
        defaultBaseURL: "https://fake.example",
        keyVariable: "FAKE_KEY",
        modelPrefixes: [],
        hasJobs: false,
        defaultTimeout: .seconds(60),
        models: [
            ModelDescription("one", aliases: ["solo"], capabilities(1)),
            ModelDescription("two", capabilities(2)),
            ModelDescription("four", capabilities(4)),
        ],
        unknownModel: capabilities(1)
    )

    static func capabilities(_ count: Int) -> ModelCapabilities {
        ModelCapabilities(
            aspectRatios: [],
            tiers: [],
            pixels: PixelTable([.oneK], [:]),
            maxCount: count,
            nativeFormat: .png,
            maxInputs: 3,
            inputFormats: [.png, .jpeg],
            takesMask: true
        )
    }

    let ledger = Ledger()
    private let submitting: @Sendable (ProviderCall, Secret, _ number: Int) async -> Answer
    private let polling: @Sendable (ProviderJob, Secret, _ number: Int) async -> Answer
    private let publishing: @Sendable () -> Result<[String: ModelCapabilities], ProviderError>

    /// - Parameters:
    ///   - poll: What to say to a question: the job, and which question it is, from 1.
    ///   - submit: What to say to a call: the call, and which one it is, from 1.
    init(
        poll: @escaping @Sendable (ProviderJob, _ number: Int) async -> Answer = { _, _ in .failing(.notUnderstood) },
        submit: @escaping @Sendable (ProviderCall, _ number: Int) async -> Answer
    ) {
        self.init(keyedPoll: { job, _, number in await poll(job, number) }) { call, _, number in
            await submit(call, number)
        }
    }

    /// A vendor that looks at the keys.
    init(
        keyedPoll: @escaping @Sendable (ProviderJob, Secret, _ number: Int) async -> Answer = { _, _, _ in
            .failing(.notUnderstood)
        },
        publishing: @escaping @Sendable () -> Result<[String: ModelCapabilities], ProviderError> = { .success([:]) },
        keyedSubmit: @escaping @Sendable (ProviderCall, Secret, _ number: Int) async -> Answer
    ) {
        polling = keyedPoll
        submitting = keyedSubmit
        self.publishing = publishing
    }

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        self.init { _, _ in .failing(.unreachable) }
    }

    /// A vendor that gives each answer once, and none twice.
    static func saying(_ answers: Answer..., polled: [Answer] = []) -> FakeVendor {
        FakeVendor { _, number in
            polled.indices.contains(number - 1) ? polled[number - 1] : .failing(.notUnderstood)
        } submit: { _, number in
            answers.indices.contains(number - 1) ? answers[number - 1] : .failing(.notUnderstood)
        }
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        let number = ledger.begin(call, key)
        let answer = await submitting(call, key, number)
        ledger.end()
        return try answer.get()
    }

    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await polling(job, key, ledger.question(job, key)).get()
    }

    func capabilities(key: Secret) async throws(ProviderError) -> [String: ModelCapabilities] {
        try publishing().get()
    }

    func models(key: Secret) async throws(ProviderError) -> [String] { [] }

    /// The vendor as an operator sets it up.
    func provider(
        _ name: String,
        keys: [String] = ["key"],
        maxConcurrent: Int = 0,
        requestsPerMinute: Int = 0,
        pollInterval: Duration = .seconds(3),
        resubmitUnknown: ResubmitUnknown = .once,
        failedTask: FailedTask = .failOver
    ) -> EngineProvider {
        EngineProvider(
            name: name,
            adapter: self,
            keys: keys.map { ProviderKey(id: "id-\($0)", secret: Secret($0)) },
            maxConcurrent: maxConcurrent,
            requestsPerMinute: requestsPerMinute,
            pollInterval: pollInterval,
            resubmitUnknown: resubmitUnknown,
            failedTask: failedTask
        )
    }

    /// What a vendor was asked.
    final class Ledger: Sendable {
        private struct State {
            var calls: [ProviderCall] = []
            var jobs: [ProviderJob] = []
            var keys: [String] = []
            var pollKeys: [String] = []
            var running = 0
            var most = 0
        }

        private let state = Mutex(State())

        var calls: [ProviderCall] { state.withLock(\.calls) }
        var submissions: Int { calls.count }
        var jobs: [ProviderJob] { state.withLock(\.jobs) }
        var polls: Int { jobs.count }
        /// The keys of the submissions, and those of the questions.
        var keys: [String] { state.withLock(\.keys) }
        var pollKeys: [String] { state.withLock(\.pollKeys) }
        /// The most calls that ran at one moment.
        var most: Int { state.withLock(\.most) }

        fileprivate func begin(_ call: ProviderCall, _ key: Secret) -> Int {
            state.withLock { state in
                state.keys.append(key.withPlaintext { $0 })
                state.calls.append(call)
                state.running += 1
                state.most = max(state.most, state.running)
                return state.calls.count
            }
        }

        fileprivate func end() { state.withLock { $0.running -= 1 } }

        fileprivate func question(_ job: ProviderJob, _ key: Secret) -> Int {
            state.withLock { state in
                state.pollKeys.append(key.withPlaintext { $0 })
                state.jobs.append(job)
                return state.jobs.count
            }
        }
    }
}

extension Result where Success == ProviderProgress, Failure == ProviderError {
    /// Pictures of these widths.
    static func pictures(_ widths: Int..., missing: [String] = []) -> Self {
        images(widths.map { .base64(Picture.base64($0)) }, missing: missing)
    }

    static func images(_ images: [ImageSource], missing: [String] = []) -> Self {
        let usage = Usage(inputTokens: 1, inputTextTokens: 1, inputImageTokens: 0, outputTokens: 9, totalTokens: 10)
        return .success(
            .done(ProviderResult(images: images, revisedPrompt: "a red fox", usage: usage, missing: missing))
        )
    }

    /// Pictures at these addresses.
    static func addresses(_ urls: String...) -> Self { images(urls.map { .url($0) }) }

    static func job(_ id: String, pollAfter: Duration? = nil) -> Self {
        .success(.waiting(ProviderJob(id: id, pollAfter: pollAfter)))
    }

    static func failing(_ code: ProviderError.Code, _ recovery: ProviderError.Recovery? = nil) -> Self {
        .failure(ProviderError(code, "The provider says: \(code).", recovery: recovery))
    }
}

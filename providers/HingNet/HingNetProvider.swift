// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The HingNet gateway and its sister brands; see `docs/vendors/hingnet.md`.
struct HingNetProvider: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "hingnet",
        title: "HingNet",
        defaultBaseURL: "https://models.hingnet.com.cn",
        keyVariable: "HINGNET_API_KEY",
        modelPrefixes: HingNetModels.prefixes,
        hasJobs: true,
        defaultTimeout: .seconds(300),
        models: HingNetModels.all,
        unknownModel: HingNetModels.unknown
    )

    /// A task is begun in seconds; what takes longer are the pictures that travel with it.
    private static let creationTimeout = Duration.seconds(60)
    private static let questionTimeout = Duration.seconds(30)
    private static let mostModels = 10_000

    private let api: VendorAPI
    private let polls: VendorAPI
    private let tasks = TaskRoutes()

    /// Whether tasks can be begun at all, found out once: a brand may have no storage for their pictures.
    private final class TaskRoutes: Sendable {
        private let open = Mutex(true)

        var isOpen: Bool { open.withLock { $0 } }

        func close() { open.withLock { $0 = false } }
    }

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        func api(_ failure: @escaping @Sendable (HingNetFault) -> ProviderError) -> VendorAPI {
            VendorAPI(
                settings: settings,
                transport: transport,
                keyHeader: "authorization",
                keyPrefix: "Bearer "
            ) { failure(HingNetFault($0)) }
        }
        self.api = api(HingNetErrors.error)
        polls = api(HingNetErrors.pollError)
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        let family = HingNetModels.Family(call.model)
        guard !call.isEdit || family.edits else { throw Self.impossible("The model cannot edit pictures.") }
        guard call.mask == nil || HingNetRequest(call, .base64).takesMask else {
            throw Self.impossible("The model takes no mask.")
        }
        do throws(ProviderError) {
            return try await begin(call, hasTasks: family.hasTasks(forEdits: call.isEdit), key: key)
        } catch {
            var error = error
            // A model that cannot edit here may draw all the same.
            if call.isEdit, error.code == .modelUnavailable { error.consequence = nil }
            throw error
        }
    }

    /// Begins a task, or has the picture drawn at once where there are no tasks.
    private func begin(_ call: ProviderCall, hasTasks: Bool, key: Secret) async throws(ProviderError)
        -> ProviderProgress
    {
        if hasTasks, tasks.isOpen {
            do throws(ProviderError) {
                return try await beginTask(call, key: key)
            } catch  where error.cause is HingNetErrors.NoTasks {
                // Nothing was begun, so the call below is still the first that may cost anything.
                tasks.close()
            }
        }
        let request = HingNetRequest(call, .base64)
        let route = request.route
        return try await api.buy(route.path, request.payload, key: key, prompt: call.prompt) {
            answer throws(ProviderError) in
            try HingNetAnswer(answer, api.failure).pictures(of: route)
        }
    }

    private func beginTask(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        let request = HingNetRequest(call, .url)
        let route = request.route
        return try await api.buy(
            route.taskPath,
            request.payload,
            within: Self.creationTimeout,
            key: key,
            prompt: call.prompt
        ) { answer throws(ProviderError) in
            try HingNetAnswer(answer, api.failure).beginning(of: route)
        }
    }

    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        guard let job = HingNetJob(job) else {
            throw ProviderError(
                .jobNotFound,
                "The provider's task id cannot be used.",
                detail: "\(job.id.count) characters"
            )
        }
        return try await polls.follow(job.path, within: Self.questionTimeout, key: key) {
            answer throws(ProviderError) in
            try HingNetAnswer(answer, polls.failure).progress(of: job)
        }
    }

    func models(key: Secret) async throws(ProviderError) -> [String] {
        try await api.ask("/v1/models", within: Self.questionTimeout, key: key) { answer throws(ProviderError) in
            try HingNetAnswer(answer, api.failure).models(atMost: Self.mostModels)
        }
    }

    /// A call that makes no sense here; the engine's tables keep it away, unless the configuration says otherwise.
    private static func impossible(_ message: String) -> ProviderError {
        ProviderError(.invalidRequest, message, recovery: .failOver, outcome: .notSent)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import NIOCore

/// What every vendor's adapter must keep, proved over recordings of that vendor.
///
/// ```swift
/// let suite = try ProviderConformance(AcmeProvider.self, recordings: Recording.all(inFolder: path))
/// for rule in ProviderConformance.Rule.allCases {
///     #expect(await suite.violations(of: rule) == [])
/// }
/// ```
/// Which recordings are needed follows from the descriptor: ``requiredScenarios``. Further ones may be there; they are
/// held to every rule that does not name a scenario.
public struct ProviderConformance: Sendable {
    /// What is to be kept, as a sentence.
    public enum Rule: String, Sendable, CaseIterable {
        /// Every scenario that the descriptor calls for has a recording.
        case recordingsAreComplete = "every required recording is there"
        /// Kind, models and tables agree with each other.
        case descriptorIsConsistent = "the descriptor does not contradict itself"
        /// What goes out is what the recordings say.
        case requestsAreSpelled = "requests are spelled as recorded"
        /// A call costs at most once.
        case submitSendsOneRequest = "submit sends exactly one request, and nobody may repeat it"
        /// The key is nowhere but in its header.
        case keyStaysInItsHeader = "the key stands in exactly one header, and nowhere else"
        /// A message is fit for a caller.
        case messagesNameNobody = "no message has a vendor's name, host or words, or the key"
        /// Each scenario has its code, outcome, recovery and consequence.
        case scenariosAreUnderstood = "every scenario is understood as what it is"
        /// A call that may be billed is nobody's to repeat.
        case lostAnswersAreUnknown = "a call that may have been billed is never repeated or failed over silently"
        /// Pictures are pictures.
        case successHasPictures = "a success has pictures that can be read"
        /// Nothing strange is a success, and nothing strange crashes.
        case brokenAnswersAreErrors = "broken answers are errors, and never successes without a picture"
        /// The descriptor's tables can be sent.
        case everyModelCanBeAsked = "every model can be asked for everything its table offers"
        /// Edits, where the table has them.
        case editsSendTheirPictures =
            "an edit sends its pictures and the prompt in one purchase, and never in an address"
        /// Jobs, where the vendor has them.
        case jobsOutliveTheProcess = "a job survives being written down, and may be asked for again and again"
        /// A vendor adds members when it likes.
        case unknownMembersAreIgnored = "members that nobody knows change nothing"
        /// The free call is free.
        case listingIsFree = "listing models may be repeated, buys nothing and names models"
    }

    let provider: any ImageTaskProvider.Type
    let recordings: [String: Recording]

    static let key = "canary-key-5e1f0c9a7b3d"
    static let host = "canary-host.example"
    static let words = "canary words of the vendor"

    /// Creates the suite for one vendor.
    ///
    /// - Parameters:
    ///   - provider: The adapter.
    ///   - recordings: Its recordings by scenario; see ``Recording/all(inFolder:)``.
    public init(_ provider: any ImageTaskProvider.Type, recordings: [String: Recording]) {
        self.provider = provider
        self.recordings = recordings
    }

    /// The scenarios this vendor must have recordings of.
    public var requiredScenarios: [String] { ["success", "models"] + expectations.map(\.scenario) }

    /// Checks one rule.
    ///
    /// - Returns: A sentence for each violation; empty if the rule is kept.
    public func violations(of rule: Rule) async -> [String] {
        switch rule {
        case .recordingsAreComplete: missingRecordings
        case .descriptorIsConsistent: descriptorMistakes
        case .requestsAreSpelled: await perRecording(misspelledRequests)
        case .submitSendsOneRequest: await perRecording(repeatedRequests)
        case .keyStaysInItsHeader: await perRecording(escapedKeys)
        case .messagesNameNobody: await perRecording(indiscreetMessages)
        case .scenariosAreUnderstood: await misunderstoodScenarios
        case .lostAnswersAreUnknown: await misjudgedLosses
        case .successHasPictures: await emptySuccesses
        case .brokenAnswersAreErrors: await acceptedGarbage
        case .everyModelCanBeAsked: await refusedWishes
        case .editsSendTheirPictures: await editMistakes
        case .jobsOutliveTheProcess: await jobMistakes
        case .unknownMembersAreIgnored: await disturbedAnswers
        case .listingIsFree: await listingMistakes
        }
    }

    // MARK: Running

    /// What came of one conversation.
    struct Run {
        var result: Result<ProviderProgress, ProviderError>
        var sent: [ReplayTransport.Sent]

        var error: ProviderError? {
            guard case .failure(let error) = result else { return nil }
            return error
        }
    }

    /// Has the adapter hold the conversation of a recording, or another one in its place.
    func run(_ recording: Recording, answers: [ReplayTransport.Answer]? = nil) async -> Run {
        await run(
            recording.call ?? plainCall,
            job: recording.job,
            answers: answers ?? recording.exchanges.map(\.answer)
        )
    }

    func run(_ call: ProviderCall, job: ProviderJob? = nil, answers: [ReplayTransport.Answer]) async -> Run {
        let transport = ReplayTransport(answers)
        let adapter = adapter(transport)
        let result: Result<ProviderProgress, ProviderError>
        do throws(ProviderError) {
            if let job {
                result = .success(try await adapter.poll(job, key: Secret(Self.key)))
            } else {
                result = .success(try await adapter.submit(call, key: Secret(Self.key)))
            }
        } catch {
            result = .failure(error)
        }
        return Run(result: result, sent: transport.sent)
    }

    func adapter(_ transport: any HTTPTransport) -> any ImageTaskProvider {
        let settings = ProviderSettings(name: "vendor", baseURL: "https://\(Self.host)", timeout: .seconds(60))
        return provider.init(settings: settings, transport: transport)
    }

    var plainCall: ProviderCall {
        ProviderCall(model: provider.descriptor.models.first?.id ?? "model", prompt: "A red fox in the snow")
    }

    /// The recordings of submissions and polls; the list of models is another method.
    var conversations: [Recording] {
        recordings.values.filter { $0.name != "models" }.sorted { $0.name < $1.name }
    }

    private func perRecording(_ check: (Recording) async -> [String]) async -> [String] {
        var sentences: [String] = []
        for recording in conversations { sentences += await check(recording).map { "\(recording.name): \($0)" } }
        return sentences
    }

    private var missingRecordings: [String] {
        requiredScenarios.filter { recordings[$0] == nil }.map { "the recording '\($0)' is missing" }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The open platform of AiToEarn, by its asynchronous routes; see `docs/vendors/aitoearn.md`.
struct AiToEarnProvider: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "aitoearn",
        title: "AiToEarn",
        defaultBaseURL: "https://aitoearn.cn",
        keyVariable: "AITOEARN_API_KEY",
        modelPrefixes: ["gpt-image-"],
        hasJobs: true,
        defaultTimeout: .seconds(180),
        models: AiToEarnModels.known,
        unknownModel: AiToEarnModels.unknown
    )

    private static let drawingList = "/api/ai/models/image/generation"
    private static let editingList = "/api/ai/models/image/edit"
    private static let questionTimeout = Duration.seconds(30)

    private let purchases: VendorAPI
    private let questions: VendorAPI
    private let results: AiToEarnResults
    private let sizeBook = AiToEarnSizeBook()

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        func api(_ failure: @escaping @Sendable (AiToEarnFault) -> ProviderError) -> VendorAPI {
            VendorAPI(settings: settings, transport: transport, keyHeader: "X-Api-Key") { rejection in
                failure(AiToEarnFault(rejection))
            }
        }
        purchases = api(AiToEarnErrors.ofSubmission)
        questions = api(AiToEarnErrors.ofPoll)
        results = AiToEarnResults(settings: settings)
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        let payload = try AiToEarnRequest.payload(call, sizes: sizeBook.sizes(of: call.model))
        let path = call.isEdit ? "/api/ai/image/edit/async" : "/api/ai/image/generate/async"
        let timeout = AiToEarnRequest.timeout(for: payload)
        return try await purchases.buy(path, payload, within: timeout, key: key, prompt: call.prompt) {
            answer throws(ProviderError) in
            .waiting(try AiToEarnResults.job(try Self.data(in: answer, AiToEarnErrors.ofSubmission)))
        }
    }

    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        guard AiToEarnResults.isTaskName(job.id) else {
            throw ProviderError(.jobNotFound, "The name of the provider's task cannot be used.", detail: "not asked")
        }
        let path = "/api/ai/image/task/\(job.id)"
        return try await questions.follow(path, within: Self.questionTimeout, key: key) {
            answer throws(ProviderError) in
            try results.progress(of: job, try Self.data(in: answer, AiToEarnErrors.ofPoll))
        }
    }

    /// Reads the public lists with the key, which they need not: a wrong one is refused all the same.
    func models(key: Secret) async throws(ProviderError) -> [String] {
        let names =
            AiToEarnModels.names(in: try await list(Self.drawingList, key))
            + AiToEarnModels.names(in: try await list(Self.editingList, key))
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// Reads the public lists without the key, so that they can be read whatever becomes of it.
    func capabilities(key: Secret) async throws(ProviderError) -> [String: ModelCapabilities] {
        let drawing = try await list(Self.drawingList, nil)
        let published = AiToEarnModels.published(drawing: drawing, editing: try await list(Self.editingList, nil))
        sizeBook.keep(published.mapValues(\.sizes))
        return published.mapValues(\.capabilities)
    }

    private func list(_ path: String, _ key: Secret?) async throws(ProviderError) -> JSON {
        try await purchases.ask(path, within: Self.questionTimeout, key: key) { answer throws(ProviderError) in
            let data = try Self.data(in: answer, AiToEarnErrors.ofSubmission)
            guard data.array != nil || data["list"]?.array != nil else {
                throw ProviderError(.notUnderstood, "The provider's list of models cannot be read.")
            }
            return data
        }
    }

    /// What is in the envelope, which comes with HTTP 200 whatever it says.
    private static func data(
        in answer: JSON,
        _ failure: (AiToEarnFault) -> ProviderError
    ) throws(ProviderError) -> JSON {
        guard let code = answer["code"]?.integer else {
            throw ProviderError(.notUnderstood, "The provider's answer cannot be read.", detail: answer.kindName)
        }
        guard code == 0 else { throw failure(AiToEarnFault(VendorAPI.Rejection(status: 200, body: answer))) }
        return answer["data"] ?? .null
    }
}

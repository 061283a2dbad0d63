// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Google's Gemini image models, asked directly; see `docs/vendors/gemini.md`.
struct GeminiProvider: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "gemini",
        title: "Google Gemini",
        defaultBaseURL: GoogleAPI.baseURL,
        keyVariable: GoogleAPI.keyVariable,
        modelPrefixes: ["gemini-", "nano-banana-"],
        hasJobs: false,
        defaultTimeout: .seconds(300),
        models: GeminiModel.all.map(\.description),
        unknownModel: GeminiModel.unknown.capabilities
    )

    private let api: GoogleAPI

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        api = GoogleAPI(settings: settings, transport: transport, failure: GoogleErrors.error)
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try GeminiWire.check(call)
        let body = GeminiWire.body(call)
        let result = try await api.call(call, method: "generateContent", body, key: key) {
            answer throws(ProviderError) in try GeminiWire.result(answer, isEdit: call.isEdit)
        }
        return .done(result)
    }

    func models(key: Secret) async throws(ProviderError) -> [String] {
        try await api.models(offering: "generateContent", key: key)
    }
}

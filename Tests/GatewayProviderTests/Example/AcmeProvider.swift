// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

@testable import GatewayProviders

/// Acme's painters: one call, and the pictures are in the answer.
struct AcmeProvider: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "acme",
        title: "Acme Pictures",
        defaultBaseURL: "https://api.acme.example",
        keyVariable: "ACME_API_KEY",
        modelPrefixes: ["acme-"],
        hasJobs: false,
        defaultTimeout: .seconds(120),
        models: [AcmeWire.painter],
        unknownModel: AcmeWire.painter.capabilities
    )

    private let api: VendorAPI

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        api = VendorAPI(
            settings: settings,
            transport: transport,
            keyHeader: "authorization",
            keyPrefix: "Bearer ",
            failure: AcmeWire.failure
        )
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        let body = VendorAPI.Payload.json(AcmeWire.body(call))
        return .done(
            try await api.buy("/v1/pictures", body, key: key, prompt: call.prompt, read: AcmeWire.result)
        )
    }

    func models(key: Secret) async throws(ProviderError) -> [String] {
        try await api.ask("/v1/models", key: key) { answer throws(ProviderError) in
            guard let models = answer["models"]?.array else {
                throw ProviderError(.notUnderstood, "The provider's answer cannot be read.")
            }
            return models.compactMap(\.string)
        }
    }
}

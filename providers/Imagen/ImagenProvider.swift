// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Google's Imagen by its `:predict` method; see `docs/vendors/imagen.md`.
///
/// Google shut its own service down in August 2026: the adapter is for relays that still speak this format.
struct ImagenProvider: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "imagen",
        title: "Google Imagen",
        defaultBaseURL: GoogleAPI.baseURL,
        keyVariable: GoogleAPI.keyVariable,
        modelPrefixes: ["imagen-"],
        hasJobs: false,
        defaultTimeout: .seconds(300),
        models: ImagenModels.all,
        unknownModel: ImagenModels.oneSize
    )

    private let api: GoogleAPI

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        api = GoogleAPI(settings: settings, transport: transport, failure: ImagenWire.failure)
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        guard !call.isEdit, call.mask == nil else {
            // Without this the picture would be drawn, and billed, as if none had been given.
            throw ProviderError(.invalidRequest, "The model cannot edit pictures.", outcome: .notSent)
        }
        let body = ImagenWire.body(call, Self.descriptor.capabilities(of: GoogleAPI.bareName(call.model)))
        let result = try await api.call(call, method: "predict", body, key: key) { answer throws(ProviderError) in
            try ImagenWire.result(answer, count: call.count)
        }
        return .done(result)
    }

    func models(key: Secret) async throws(ProviderError) -> [String] {
        try await api.models(offering: "predict", key: key)
    }
}

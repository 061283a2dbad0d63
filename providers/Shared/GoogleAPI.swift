// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What every API under `generativelanguage.googleapis.com` has in common: the key's header, paths, the list of models.
struct GoogleAPI: Sendable {
    static let baseURL = "https://generativelanguage.googleapis.com"
    static let keyVariable = "GEMINI_API_KEY"
    private static let mostPages = 20

    private let api: VendorAPI

    init(
        settings: ProviderSettings,
        transport: any HTTPTransport,
        failure: @escaping @Sendable (GoogleFault) -> ProviderError
    ) {
        api = VendorAPI(settings: settings, transport: transport, keyHeader: "x-goog-api-key") { rejection in
            failure(GoogleFault(rejection))
        }
    }

    /// Calls a model's method: one call that may be billed.
    func call<Answer>(
        _ call: ProviderCall,
        method: String,
        _ body: JSON,
        key: Secret,
        read: (JSON) throws(ProviderError) -> Answer
    ) async throws(ProviderError) -> Answer {
        let path = "/v1beta/models/\(Self.escaped(Self.bareName(call.model))):\(method)"
        // Pictures stand in the body as base64: as pieces of their own they are not copied once more.
        let payload = VendorAPI.Payload(contentType: "application/json", buffers: body.pieces())
        return try await api.buy(path, payload, key: key, prompt: call.prompt) { json throws(ProviderError) in
            try read(try unwrapped(json))
        }
    }

    /// The models that offer a method, by their bare names.
    ///
    /// Only the list tells: asking for one model was seen to answer 200 for a model already shut down.
    func models(offering method: String, key: Secret) async throws(ProviderError) -> [String] {
        var names: [String] = []
        var token: String?
        for _ in 1...Self.mostPages {
            let path = "/v1beta/models?pageSize=1000" + (token.map { "&pageToken=\(Self.escaped($0))" } ?? "")
            let page = try await api.ask(path, key: key) { json throws(ProviderError) in try unwrapped(json) }
            names += (page["models"]?.array ?? []).compactMap { Self.name(of: $0, offering: method) }
            let next = page["nextPageToken"]?.string
            guard let next, !next.isEmpty, next != token else { break }
            token = next
        }
        return names
    }

    /// A model's name as it stands in a path, without the collection in front of it.
    static func bareName(_ name: String) -> String {
        name.hasPrefix("models/") ? String(name.dropFirst("models/".count)) : name
    }

    private static func name(of model: JSON, offering method: String) -> String? {
        guard let name = model["name"]?.string else { return nil }
        if let methods = model["supportedGenerationMethods"]?.array, !methods.contains(JSON(method)) { return nil }
        return bareName(name)
    }

    /// The object inside: errors were seen in a list of one, and relays put errors into answers of status 200.
    private func unwrapped(_ json: JSON) throws(ProviderError) -> JSON {
        let object = json.array?.count == 1 ? json[0] ?? json : json
        guard object.members != nil else {
            throw ProviderError(.notUnderstood, "The provider's answer cannot be read.", detail: json.kindName)
        }
        guard let error = object["error"] else { return object }
        throw api.failure(VendorAPI.Rejection(status: error["code"]?.integer ?? 500, body: object))
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { path, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                path.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                path.append("%")
                path.append(digits[Int(byte >> 4)])
                path.append(digits[Int(byte & 15)])
            }
        }
    }
}

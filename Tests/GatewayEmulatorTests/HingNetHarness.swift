// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import HummingbirdTesting
import NIOCore

/// A call of the emulated HingNet.
enum HingNet {
    static let model = "gemini-3-pro-image-preview"

    /// The body of a generation.
    static func body(_ prompt: String, _ model: String = model, _ more: KeyValuePairs<String, JSON> = [:]) -> JSON {
        .object(
            [.init("model", JSON(model)), .init("prompt", JSON(prompt))] + more.map { .init($0.key, $0.value) }
        )
    }

    /// A field or a file of a form.
    struct Field {
        var name: String
        var file: ByteBuffer?
        var text = ""

        static func text(_ name: String, _ text: String) -> Field { Field(name: name, text: text) }
        static func file(_ name: String, _ bytes: ByteBuffer) -> Field { Field(name: name, file: bytes) }
    }

    static func form(_ fields: [Field]) -> ByteBuffer {
        var form = ByteBuffer()
        for field in fields {
            let isFile = field.file != nil
            form.writeString("--BOUNDARY\r\nContent-Disposition: form-data; name=\"\(field.name)\"")
            form.writeString(isFile ? "; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" : "\r\n\r\n")
            form.writeImmutableBuffer(field.file ?? ByteBuffer(string: field.text))
            form.writeString("\r\n")
        }
        form.writeString("--BOUNDARY--\r\n")
        return form
    }

    /// The path of an address on the emulator, without its host.
    static func path(of address: String) -> String {
        address.firstRange(of: "/hingnet").map { String(address[$0.lowerBound...]) } ?? address
    }
}

extension Answer {
    /// The first picture of a list, from base64.
    var firstPicture: PictureHeader? {
        guard case .string(let text)? = json["data"]?[0]?["b64_json"], let bytes = Base64.decode(text.bytes) else {
            return nil
        }
        return PictureHeader(bytes.readableBytesView)
    }

    var firstURL: String? { json["data"]?[0]?["url"]?.string }
    var errorCode: String? { json["error"]?["code"]?.string }
}

extension TestClientProtocol {
    func hingnet(
        _ path: String,
        _ method: HTTPRequest.Method = .get,
        json: JSON? = nil,
        form: [HingNet.Field]? = nil,
        key: String? = "emulated-key"
    ) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let key { headers[.authorization] = "Bearer \(key)" }
        if json != nil { headers[.contentType] = "application/json" }
        if form != nil { headers[.contentType] = "multipart/form-data; boundary=BOUNDARY" }
        let body = json?.encoded() ?? form.map(HingNet.form)
        let response = try await execute(uri: "/hingnet\(path)", method: method, headers: headers, body: body)
        if let name = HTTPField.Name("X-Oneapi-Request-Id"), path.hasPrefix("/v1"), response.headers[name] == nil {
            throw Missing()
        }
        return Answer(response)
    }

    /// Has a picture drawn at once.
    func sync(_ prompt: String, _ model: String = HingNet.model, _ more: KeyValuePairs<String, JSON> = [:])
        async throws -> Answer
    {
        try await hingnet("/v1/images/generations", .post, json: HingNet.body(prompt, model, more))
    }

    /// Begins a task.
    func begin(_ prompt: String, _ model: String = HingNet.model, _ more: KeyValuePairs<String, JSON> = [:])
        async throws -> Answer
    {
        try await hingnet("/v1/images/generations/async", .post, json: HingNet.body(prompt, model, more))
    }

    /// Begins a task and asks for it once.
    func beginAndAsk(_ prompt: String, _ model: String = HingNet.model) async throws -> Answer {
        let id = try await begin(prompt, model).json["id"]?.string ?? "none"
        return try await hingnet("/v1/images/generations/\(id)")
    }

    /// Fetches what is behind an address, without a key.
    func fetch(_ address: String, _ method: HTTPRequest.Method = .get, key: String? = nil) async throws -> Answer {
        var headers: HTTPFields = [:]
        if let key { headers[.authorization] = "Bearer \(key)" }
        return Answer(try await execute(uri: HingNet.path(of: address), method: method, headers: headers))
    }
}

/// An answer without the number of its request.
struct Missing: Error {}

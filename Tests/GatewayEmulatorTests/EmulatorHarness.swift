// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore

/// What a vendor answered.
struct Answer: Sendable {
    var status: Int
    var contentType: String
    var body: ByteBuffer

    init(_ response: TestResponse) {
        status = response.status.code
        contentType = response.headers[.contentType] ?? ""
        body = response.body
    }

    /// The body as JSON; `null` if it is none.
    var json: JSON {
        do {
            return try JSON(reading: body)
        } catch {
            return .null
        }
    }

    var message: String { json["error"]?["message"]?.string ?? "" }
    var statusName: String { json["error"]?["status"]?.string ?? "" }

    /// The parts of the first candidate.
    var parts: [JSON] { json["candidates"]?[0]?["content"]?["parts"]?.array ?? [] }

    /// The pictures among them.
    var pictures: [(type: String, bytes: ByteBuffer)] {
        parts.compactMap { part in
            guard let data = part["inlineData"], case .string(let text)? = data["data"],
                let bytes = Base64.decode(text.bytes)
            else { return nil }
            return (data["mimeType"]?.string ?? "", bytes)
        }
    }

    var finishReason: String? { json["candidates"]?[0]?["finishReason"]?.string }
}

extension TestClientProtocol {
    /// Calls a model of Google's.
    func call(
        _ path: String,
        _ body: JSON,
        key: String? = "emulated-key",
        version: String = "v1beta"
    ) async throws -> Answer {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let name = HTTPField.Name("x-goog-api-key"), let key { headers[name] = key }
        let uri = "/\(version)/models/\(path)"
        return Answer(try await execute(uri: uri, method: .post, headers: headers, body: body.encoded()))
    }

    /// Asks a Gemini model for a picture.
    func draw(_ prompt: String, _ model: String = "gemini-3-pro-image", config: JSON? = nil) async throws -> Answer {
        try await call("\(model):generateContent", gemini(prompt, config: config))
    }

    /// Asks an Imagen model for pictures.
    func predict(
        _ prompt: String,
        _ model: String = "imagen-4.0-generate-001",
        parameters: JSON = ["sampleCount": 1]
    ) async throws -> Answer {
        try await call("\(model):predict", ["instances": [["prompt": JSON(prompt)]], "parameters": parameters])
    }

    /// Uses the emulator's own paths.
    func control(_ path: String, _ method: HTTPRequest.Method = .get, _ body: JSON? = nil) async throws -> Answer {
        Answer(try await execute(uri: "/_emulator/\(path)", method: method, body: body?.encoded()))
    }
}

/// A `generateContent` request.
func gemini(_ prompt: String, config: JSON? = nil, extra: [JSON.Member] = []) -> JSON {
    var members: [JSON.Member] = [
        .init("contents", [["role": "user", "parts": [["text": JSON(prompt)]]]])
    ]
    if let config { members.append(.init("generationConfig", config)) }
    return .object(members + extra)
}

/// A logger that says nothing, so that the test's own output can be read.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Runs a test against an emulator without a socket.
func withEmulator<Value: Sendable>(
    _ change: (inout EmulatorSettings) -> Void = { _ in },
    time: any TimeSource = SystemTime(),
    on setup: TestingSetup = .router,
    _ test: @escaping @Sendable (any TestClientProtocol, Emulator) async throws -> Value
) async throws -> Value {
    var settings = EmulatorSettings()
    settings.imagen = .legacy
    change(&settings)
    let emulator = try Emulator(settings: settings, time: time, logger: quiet)
    return try await emulator.application().test(setup) { client in try await test(client, emulator) }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

/// What the gateway answered.
struct Answer: Sendable {
    let status: Int
    let headers: HTTPFields
    let body: ByteBuffer

    init(_ response: TestResponse) {
        status = response.status.code
        headers = response.headers
        body = response.body
    }

    init(status: Int, headers: HTTPFields, body: ByteBuffer) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    subscript(header name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    /// The body as JSON; `null` if it is none.
    var json: JSON {
        do throws(JSONError) {
            return try JSON(reading: body)
        } catch {
            return .null
        }
    }

    var text: String { String(buffer: body) }
    var error: JSON? { json["error"] }

    /// Expects an error in the whole envelope.
    func expectError(
        _ status: Int,
        _ code: String,
        parameter: String? = nil,
        _ comment: Comment? = nil,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(self.status == status, comment, sourceLocation: location)
        let members = json["error"]?.members ?? []
        #expect(members.map(\.name) == ["message", "type", "param", "code"], comment, sourceLocation: location)
        #expect(error?["code"]?.string == code, comment, sourceLocation: location)
        #expect(error?["param"]?.string == parameter, comment, sourceLocation: location)
        let type = status == 429 ? "rate_limit_error" : status >= 500 ? "server_error" : "invalid_request_error"
        #expect(error?["type"]?.string == type, comment, sourceLocation: location)
        let message = error?["message"]?.string ?? ""
        #expect(
            message.hasSuffix(".") || message.hasSuffix(")"),
            "not a sentence: \(message)",
            sourceLocation: location
        )
        #expect(self[header: "x-request-id"]?.isEmpty == false, comment, sourceLocation: location)
        #expect(headers[.contentType] == "application/json", comment, sourceLocation: location)
    }
}

extension JSON {
    /// The names of an object's members, in order.
    var names: [String] { members?.map(\.name) ?? [] }
}

/// What to send; members that differ from call to call are arguments.
struct Call: Sendable {
    static let generations = "/v1/images/generations"
    static let asynchronous = "/v1/images/generations/async"
    static let edits = "/v1/images/edits"
    static let edited = "/v1/images/edits/async"

    /// A small valid request, with changes.
    static func body(_ changes: KeyValuePairs<String, JSON> = [:]) -> JSON {
        var members: [JSON.Member] = [
            .init("model", "gemini-3-pro-image-preview"), .init("prompt", "a fox in the snow"),
        ]
        for (name, value) in changes {
            members.removeAll { $0.name == name }
            members.append(.init(name, value))
        }
        return .object(members)
    }
}

extension TestClientProtocol {
    /// Asks as somebody with a key.
    func ask(
        _ method: HTTPRequest.Method,
        _ path: String,
        key: String? = "key-alice",
        headers: [String: String] = [:],
        body: ByteBuffer? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        if let key { fields[.authorization] = "Bearer \(key)" }
        if body != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { fields[name] = value.isEmpty ? nil : value }
        }
        return Answer(try await executeRequest(uri: path, method: method, headers: fields, body: body))
    }

    func get(_ path: String, key: String? = "key-alice", headers: [String: String] = [:]) async throws -> Answer {
        try await ask(.get, path, key: key, headers: headers)
    }

    func post(
        _ path: String,
        _ form: TestForm,
        key: String? = "key-alice",
        headers: [String: String] = [:]
    ) async throws -> Answer {
        let headers = ["content-type": form.contentType].merging(headers) { $1 }
        return try await ask(.post, path, key: key, headers: headers, body: form.bytes)
    }

    func post(
        _ path: String,
        _ body: JSON = Call.body(),
        key: String? = "key-alice",
        headers: [String: String] = [:]
    ) async throws -> Answer {
        try await ask(.post, path, key: key, headers: headers, body: body.encoded())
    }
}

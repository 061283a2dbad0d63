// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore

/// A gateway as its client commands see it.
struct GatewayClient {
    private let transport: CurlTransport
    private let base: String
    private let key: String?

    /// The variable that says where the gateway is.
    private let urlVariable: String
    /// The variable that holds what is presented.
    private let keyVariable: String

    /// Reads `IMAGE_GATEWAY_URL` and `IMAGE_GATEWAY_KEY`.
    init() throws {
        try self.init("IMAGE_GATEWAY_URL", else: "http://127.0.0.1:8080", key: "IMAGE_GATEWAY_KEY")
    }

    /// The admin listener, by `IMAGE_GATEWAY_ADMIN_URL` and `IMAGE_GATEWAY_ADMIN_TOKEN`.
    static func admin() throws -> GatewayClient {
        try GatewayClient("IMAGE_GATEWAY_ADMIN_URL", else: "http://127.0.0.1:8081", key: "IMAGE_GATEWAY_ADMIN_TOKEN")
    }

    private init(_ urlVariable: String, else defaultURL: String, key keyVariable: String) throws {
        (self.urlVariable, self.keyVariable) = (urlVariable, keyVariable)
        let environment = ProcessInfo.processInfo.environment
        let url = environment[urlVariable].flatMap { $0.isEmpty ? nil : $0 } ?? defaultURL
        guard ["http://", "https://"].contains(where: url.lowercased().hasPrefix) else {
            throw CommandFailure(
                "\(urlVariable) must begin with http:// or https://, not be '\(url.prefix(100))'.",
                status: ExitStatus.usage
            )
        }
        // Users of the OpenAI clients write the address with /v1.
        let trimmed = url.hasSuffix("/") ? String(url.dropLast()) : url
        base = trimmed.hasSuffix("/v1") ? String(trimmed.dropLast(3)) : trimmed
        key = environment[keyVariable].flatMap { $0.isEmpty ? nil : $0 }
        transport = try CurlTransport()
    }

    func close() async {
        await transport.close()
    }

    /// Asks for JSON.
    func get(_ path: String, waiting: Duration = .zero) async throws -> JSON {
        try await call(.get, path, body: .none, waiting: waiting)
    }

    /// Sends JSON and asks for JSON.
    func post(_ path: String, _ body: JSON) async throws -> JSON {
        try await call(.post, path, body: .bytes([body.encoded()]), waiting: .zero)
    }

    /// Sends a form and asks for JSON.
    func post(_ path: String, _ form: FormUpload) async throws -> JSON {
        // Files are read while they are sent; a slow line may take its time.
        let body = TransportBody.stream(length: form.length, form.chunks())
        return try await call(.post, path, body: body, type: form.contentType, waiting: .seconds(1200))
    }

    private func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        body: TransportBody,
        type: String = "application/json",
        waiting: Duration
    ) async throws -> JSON {
        var headers: HTTPFields = [.accept: "application/json"]
        if let key { headers[.authorization] = "Bearer \(key)" }
        if body.length > 0 { headers[.contentType] = type }
        let limit = Duration.seconds(60) + waiting
        let request = TransportRequest(
            method,
            base + path,
            headers: headers,
            body: body,
            limits: TransportLimits(firstByte: limit, total: limit),
            isRepeatable: method == .get
        )
        let response = try await send(request)
        guard let answer = try? JSON(reading: response.body) else {
            throw CommandFailure("\(base) answered \(response.status), and not as an ImageGateway does.")
        }
        guard (200..<300).contains(response.status) else {
            let error = answer["error"]
            let message = error?["message"]?.string ?? "The gateway answered \(response.status)."
            let code = error?["code"]?.string.map { " (\($0))" } ?? ""
            let hint = response.status == 401 ? " Set \(keyVariable)." : ""
            throw CommandFailure(message + code + hint)
        }
        return answer
    }

    /// Fetches a picture by its link.
    func download(_ url: String) async throws -> ByteBuffer {
        let limits = TransportLimits(firstByte: .seconds(60), total: .seconds(600), responseBytes: 256 << 20)
        let response = try await send(TransportRequest(.get, url, limits: limits, isRepeatable: true))
        guard response.status == 200 else { throw CommandFailure("The picture's link answered \(response.status).") }
        return response.body
    }

    private func send(_ request: TransportRequest) async throws -> TransportResponse {
        do throws(TransportError) {
            return try await transport.send(request)
        } catch {
            throw CommandFailure(
                "The gateway at \(base) cannot be reached: \(error.message) Is it running, and is \(urlVariable) right?"
            )
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore

extension TestClientProtocol {
    /// Calls the emulated AiToEarn.
    func aitoearn(
        _ path: String,
        _ method: HTTPRequest.Method = .get,
        _ body: JSON? = nil,
        key: String? = "emulated-key",
        headers: HTTPFields = [:]
    ) async throws -> Answer {
        var headers = headers
        if body != nil { headers[.contentType] = "application/json" }
        if let name = HTTPField.Name("X-Api-Key"), let key { headers[name] = key }
        return Answer(
            try await execute(uri: "/aitoearn\(path)", method: method, headers: headers, body: body?.encoded())
        )
    }

    /// Submits a prompt.
    func order(_ prompt: String, extra: [JSON.Member] = []) async throws -> Answer {
        let body: [JSON.Member] = [.init("model", "gpt-image-2"), .init("prompt", JSON(prompt))]
        return try await aitoearn("/api/ai/image/generate/async", .post, .object(body + extra))
    }

    /// Submits a prompt and asks once how far it is.
    func ordered(_ prompt: String, extra: [JSON.Member] = []) async throws -> Answer {
        try await task(try await order(prompt, extra: extra).name)
    }

    /// Asks how far a task is.
    func task(_ name: String) async throws -> Answer { try await aitoearn("/api/ai/image/task/\(name)") }

    /// Fetches a finished picture by its address.
    func picture(_ address: String) async throws -> Answer {
        let path = address.firstRange(of: "67a0c4d19be2f35a8c01d7e4").map { "/\(address[$0.lowerBound...])" } ?? "/"
        return Answer(try await execute(uri: path, method: .get))
    }
}

extension Answer {
    var code: Int? { json["code"]?.integer }
    /// The task's name in the answer to a submission.
    var name: String { json["data"]?["logId"]?.string ?? "" }
    var data: JSON { json["data"] ?? .null }
    /// The address of the first picture.
    var address: String { data["images"]?[0]?["url"]?.string ?? "" }
}

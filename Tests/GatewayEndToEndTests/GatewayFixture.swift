// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore

/// A gateway and the emulated vendors, each a process, and a way to call them.
final class GatewayFixture: Sendable {
    let emulator: RunningProgram
    let gatewayPort: Int
    let folder: URL
    let transport: CurlTransport

    static let key = "test-key-of-alice"

    /// Starts the vendors and writes the gateway's configuration; the gateway itself is started by ``startGateway()``.
    ///
    /// - Parameters:
    ///   - latency: How long the vendors take.
    ///   - pictureBytes: How large their pictures are.
    ///   - engine: More of the configuration's `engine`.
    ///   - vendors: The `providers` and what follows them in the configuration, by the vendors' address.
    init(
        latency: String = "50ms",
        pictureBytes: Int? = nil,
        engine: String = "",
        vendors: (_ base: String) -> String = GatewayFixture.google
    ) async throws {
        folder = try RunningProgram.newFolder()
        transport = try CurlTransport()
        let emulatorPort = try RunningProgram.freePort()
        var arguments = [
            "emulate", "--listen", "127.0.0.1:\(emulatorPort)", "--latency", latency, "--imagen", "legacy",
        ]
        if let pictureBytes { arguments += ["--picture-bytes", "\(pictureBytes)"] }
        emulator = try await RunningProgram(
            arguments,
            port: emulatorPort,
            folder: folder,
            ready: "/_emulator/ledger"
        )
        gatewayPort = try RunningProgram.freePort()
        let configuration = """
            server: { listen: "127.0.0.1:\(gatewayPort)", admin_listen: "127.0.0.1:0" }
            auth:
              keys:
                - { name: alice, key: \(Self.key) }
                - { name: bob, key: test-key-of-bob, models: ["imagen-*"] }
            engine: { memory_budget: 96MiB\(engine.isEmpty ? "" : ", \(engine)") }
            \(vendors("http://127.0.0.1:\(emulatorPort)"))
            """
        try Data(configuration.utf8).write(to: folder.appendingPathComponent("image-gateway.yaml"))
    }

    static func google(_ base: String) -> String {
        """
        providers:
          - name: google
            kind: gemini
            base_url: \(base)
            api_keys: [emulated-google]
            max_concurrent: 256
          - name: imagen
            kind: imagen
            base_url: \(base)
            api_keys: [emulated-imagen]
        """
    }

    func startGateway() async throws -> RunningProgram {
        try await RunningProgram(["serve"], port: gatewayPort, folder: folder, ready: "/health/ready")
    }

    /// A whole PNG of 8 × 8 gray pixels to edit.
    func samplePicture(named name: String = "in.png") throws -> URL {
        let text =
            "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAAFElEQVR42mNgkLOJqpi25RIDZQwAihUaQZwDEoIAAAAASUVORK5CYII="
        let file = folder.appendingPathComponent(name)
        try Data(base64Encoded: text)?.write(to: file)
        return file
    }

    var clientEnvironment: [String: String] {
        ["IMAGE_GATEWAY_URL": "http://127.0.0.1:\(gatewayPort)", "IMAGE_GATEWAY_KEY": Self.key]
    }

    /// Calls the gateway and reads its JSON.
    func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: JSON? = nil,
        key: String = GatewayFixture.key
    ) async throws -> (status: Int, headers: HTTPFields, json: JSON) {
        var headers: HTTPFields = [.authorization: "Bearer \(key)"]
        if body != nil { headers[.contentType] = "application/json" }
        let limits = TransportLimits(firstByte: .seconds(120), total: .seconds(120), responseBytes: 256 << 20)
        let response = try await transport.send(
            TransportRequest(
                method,
                "http://127.0.0.1:\(gatewayPort)\(path)",
                headers: headers,
                body: body.map { .bytes([$0.encoded()]) } ?? .none,
                limits: limits
            )
        )
        return (response.status, response.headers, try JSON(reading: response.body))
    }

    /// Creates asynchronous tasks by many clients at once.
    ///
    /// - Returns: Their names.
    func create(
        _ count: Int,
        clients: Int,
        body: @escaping @Sendable (_ number: Int) -> JSON
    ) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { group in
            for client in 0..<clients {
                group.addTask { [self] in
                    var ids: [String] = []
                    for number in stride(from: client, to: count, by: clients) {
                        let answer = try await call(.post, "/v1/images/generations/async", body(number))
                        guard answer.status == 200, let id = answer.json["id"]?.string else {
                            throw ProgramFailure(message: "not accepted: \(answer.json)")
                        }
                        ids.append(id)
                    }
                    return ids
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// What the vendors would have billed.
    func ledger() async throws -> JSON {
        let response = try await transport.send(
            TransportRequest(
                .get,
                "\(emulator.base)/_emulator/ledger",
                limits: TransportLimits(responseBytes: 256 << 20)
            )
        )
        return try JSON(reading: response.body, limits: JSON.Limits(values: 1_000_000))
    }

    /// Waits until every task is final.
    ///
    /// - Returns: How many ended in each status; tasks that cannot be found count as `lost`.
    func outcomes(of ids: [String], within limit: Duration) async throws -> [String: Int] {
        let deadline = ContinuousClock.now + limit
        var open = ids
        var outcomes: [String: Int] = [:]
        while !open.isEmpty, ContinuousClock.now < deadline {
            var still: [String] = []
            for id in open {
                let answer = try await call(.get, "/v1/images/tasks/\(id)")
                let status = answer.status == 404 ? "lost" : answer.json["status"]?.string ?? "?"
                if status == "pending" || status == "in_progress" {
                    still.append(id)
                } else {
                    outcomes[status, default: 0] += 1
                }
            }
            open = still
            if !open.isEmpty { try await Task.sleep(for: .milliseconds(200)) }
        }
        if !open.isEmpty { outcomes["unfinished"] = open.count }
        return outcomes
    }

    func end() async {
        await emulator.end()
        await transport.close()
        try? FileManager.default.removeItem(at: folder)
    }
}

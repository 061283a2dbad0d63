// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import NIOCore

/// A gateway and the emulated vendors, each a process, and a way to call them.
final class GatewayFixture: Sendable {
    let emulator: RunningProgram
    let gatewayPort: Int
    let adminPort: Int
    let folder: URL
    let transport: CurlTransport

    static let key = "test-key-of-alice"

    /// Starts the vendors and writes the gateway's configuration; the gateway itself is started by ``startGateway()``.
    ///
    /// - Parameters:
    ///   - latency: How long the vendors take.
    ///   - pictureBytes: How large their pictures are.
    ///   - engine: The members of `engine` in the configuration.
    ///   - vendors: The `providers` and what follows them in the configuration, by the vendors' address.
    init(
        latency: String = "50ms",
        pictureBytes: Int? = nil,
        engine: String = "memory_budget: 96MiB",
        vendors: (_ base: String) -> String = GatewayFixture.google
    ) async throws {
        folder = try RunningProgram.newFolder()
        transport = try CurlTransport()
        let emulatorPort = LoopbackPorts.take()
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
        gatewayPort = LoopbackPorts.take()
        adminPort = LoopbackPorts.take()
        let configuration = """
            server: { listen: "127.0.0.1:\(gatewayPort)", admin_listen: "127.0.0.1:\(adminPort)" }
            auth:
              keys:
                - { name: alice, key: \(Self.key) }
                - { name: bob, key: test-key-of-bob, models: ["imagen-*"] }
            engine: { \(engine) }
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

    func startGateway(openFiles: Int? = nil) async throws -> RunningProgram {
        try await RunningProgram(
            ["serve"],
            port: gatewayPort,
            folder: folder,
            ready: "/health/ready",
            openFiles: openFiles
        )
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
        key: String = GatewayFixture.key,
        named: String? = nil
    ) async throws -> (status: Int, headers: HTTPFields, json: JSON) {
        var headers: HTTPFields = [.authorization: "Bearer \(key)"]
        if let named, let name = HTTPField.Name("Idempotency-Key") { headers[name] = named }
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

    /// Posts an edit in whatever form.
    func post(_ body: TransportBody, type: String) async throws -> (status: Int, json: JSON) {
        let headers: HTTPFields = [.authorization: "Bearer \(Self.key)", .contentType: type]
        let limits = TransportLimits(firstByte: .seconds(120), total: .seconds(120), responseBytes: 256 << 20)
        let answer = try await transport.send(
            TransportRequest(
                .post,
                "http://127.0.0.1:\(gatewayPort)/v1/images/edits",
                headers: headers,
                body: body,
                limits: limits
            )
        )
        return (answer.status, try JSON(reading: answer.body))
    }

    /// Posts an edit as a form of texts and maybe a file.
    func edit(_ texts: [String: String], image: Data? = nil) async throws -> (status: Int, json: JSON) {
        var body = ByteBuffer()
        for (name, text) in texts.merging(["model": "gemini-2.5-flash-image"], uniquingKeysWith: { own, _ in own }) {
            body.writeString("--edge\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(text)\r\n")
        }
        if let image {
            body.writeString("--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"in.png\"\r\n\r\n")
            body.writeBytes(image)
            body.writeString("\r\n")
        }
        body.writeString("--edge--\r\n")
        return try await post(.bytes([body]), type: "multipart/form-data; boundary=edge")
    }

    /// Creates asynchronous tasks by many clients at once.
    ///
    /// - Returns: Their names.
    func create(
        _ count: Int,
        path: String = "/v1/images/generations/async",
        clients: Int,
        body: @escaping @Sendable (_ number: Int) -> JSON
    ) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { group in
            for client in 0..<clients {
                group.addTask { [self] in
                    var ids: [String] = []
                    for number in stride(from: client, to: count, by: clients) {
                        let answer = try await call(.post, path, body(number))
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

    /// Waits until every task is final, for many of them at once.
    ///
    /// - Returns: The tasks by their names, with their attempts; those that are not final by then are absent, and those
    ///   that cannot be found have the status `lost`.
    func finished(_ ids: [String], within limit: Duration) async throws -> [String: JSON] {
        let deadline = ContinuousClock.now + limit
        return try await withThrowingTaskGroup(of: (id: String, task: JSON?).self) { group in
            var rest = ids[...]
            for _ in 0..<48 {
                guard let id = rest.popFirst() else { break }
                group.addTask { [self] in (id, try await final(id, by: deadline)) }
            }
            var tasks: [String: JSON] = [:]
            while let ended = try await group.next() {
                tasks[ended.id] = ended.task
                guard let id = rest.popFirst() else { continue }
                group.addTask { [self] in (id, try await final(id, by: deadline)) }
            }
            return tasks
        }
    }

    private func final(_ id: String, by deadline: ContinuousClock.Instant) async throws -> JSON? {
        repeat {
            let answer = try await call(.get, "/v1/images/tasks/\(id)?wait=5&include=attempts")
            if answer.status == 404 { return ["status": "lost"] }
            if let status = answer.json["status"]?.string, status != "pending", status != "in_progress" {
                return answer.json
            }
        } while ContinuousClock.now < deadline
        return nil
    }

    /// Waits until every task is final.
    ///
    /// - Returns: How many ended in each status; tasks that cannot be found count as `lost`.
    func outcomes(of ids: [String], within limit: Duration) async throws -> [String: Int] {
        var outcomes: [String: Int] = [:]
        let tasks = try await finished(ids, within: limit)
        for task in tasks.values { outcomes[task["status"]?.string ?? "?", default: 0] += 1 }
        if tasks.count < ids.count { outcomes["unfinished"] = ids.count - tasks.count }
        return outcomes
    }

    /// Changes how the emulated vendors behave.
    func settings(_ settings: JSON) async throws {
        let request = TransportRequest(
            .put,
            "\(emulator.base)/_emulator/settings",
            headers: [.contentType: "application/json"],
            body: .bytes([settings.encoded()])
        )
        let answer = try await transport.send(request)
        guard answer.status == 200 else {
            throw ProgramFailure(message: "The emulator says: \(String(buffer: answer.body))")
        }
    }

    /// Every fault that the emulator can play, by name: those of all vendors, then each vendor's own.
    func faults() async throws -> (shared: [String], own: [(vendors: [String], names: [String])]) {
        let answer = try await transport.send(TransportRequest(.get, "\(emulator.base)/_emulator/faults"))
        let groups = (try JSON(reading: answer.body).members ?? []).filter { $0.name != "aliases" }
        let names = groups.map { group in
            (group.name.split(separator: ", ").map { String($0) }, (group.value.members ?? []).map(\.name))
        }
        guard let shared = names.first(where: { $0.0 == ["every vendor"] })?.1, names.count > 3 else {
            throw ProgramFailure(message: "The emulator has no catalog of faults.")
        }
        return (shared, names.filter { $0.0 != ["every vendor"] })
    }

    /// What operators see.
    func admin(_ path: String) async throws -> JSON {
        let answer = try await transport.send(TransportRequest(.get, "http://127.0.0.1:\(adminPort)\(path)"))
        return try JSON(reading: answer.body)
    }

    /// How often each prompt was bought, all vendors together: calls for which a picture was made, whoever got it.
    func purchases() async throws -> [String: Int] {
        var bought: [String: Int] = [:]
        for entry in try await ledger()["entries"]?.array ?? [] {
            bought[entry["prompt"]?.string ?? "", default: 0] += entry["calls_billed"]?.integer ?? 0
        }
        return bought
    }

    func end() async {
        await emulator.end()
        await transport.close()
        try? FileManager.default.removeItem(at: folder)
    }
}

extension TransportLimits {
    /// For whom nobody answers.
    static let brief = TransportLimits(firstByte: .seconds(1), total: .seconds(1))
}

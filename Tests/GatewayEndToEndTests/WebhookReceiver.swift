// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// A receiver of webhooks, a process of its own, that checks everything with the official library.
final class WebhookReceiver: Sendable {
    let port: Int
    private let log: URL
    private let process: Mutex<Process>

    static let requestSecret = "whsec_" + Data("the secret of the requests".utf8).base64EncodedString()
    static let endpointSecret = "whsec_" + Data("the secret of the endpoint".utf8).base64EncodedString()

    private let folder: URL

    init() async throws {
        folder = try RunningProgram.newFolder()
        port = LoopbackPorts.take()
        log = folder.appendingPathComponent("receiver-\(port).log")
        let script = try #require(
            Bundle.module.url(forResource: "webhook_receiver", withExtension: "py", subdirectory: "Clients")
        )
        let process = Process()
        process.executableURL = RunningProgram.packageRoot.appendingPathComponent(".build/test-venv/bin/python")
        process.arguments = [
            script.path, "\(port)", log.path, "request=\(Self.requestSecret)", "endpoint=\(Self.endpointSecret)",
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = Mutex(process)
        let transport = try CurlTransport()
        let deadline = ContinuousClock.now + .seconds(30)
        while try await transport.answers("\(base)/") != 200 {
            guard ContinuousClock.now < deadline else { throw ProgramFailure(message: "There is no receiver.") }
            try await Task.sleep(for: .milliseconds(50))
        }
        await transport.close()
    }

    deinit { end() }

    var base: String { "http://127.0.0.1:\(port)" }

    private func end() {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
        try? FileManager.default.removeItem(at: folder)
    }

    /// What it got so far, in order.
    func received(on path: String? = nil) throws -> [JSON] {
        let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        let lines = try text.split(separator: "\n").map { try JSON(reading: ByteBuffer(substring: $0)) }
        return lines.filter { path == nil || $0["path"]?.string == path }
    }

    /// What it accepted so far, in order.
    func accepted(on path: String? = nil) throws -> [JSON] {
        try received(on: path).filter { (200..<300).contains($0["status"]?.integer ?? 0) }
    }
}

extension CurlTransport {
    fileprivate func answers(_ url: String) async throws -> Int? {
        try? await send(TransportRequest(.get, url, limits: .brief)).status
    }
}

extension GatewayFixture {
    /// A gateway whose webhooks may go to this machine.
    ///
    /// - Parameters:
    ///   - receiver: Who hears of every task, if anybody.
    ///   - endpoint: The path there.
    ///   - schedule: The delays between tries.
    ///   - secret: The secret of requests, or a list of them.
    static func telling(
        _ receiver: WebhookReceiver? = nil,
        endpoint: String? = nil,
        schedule: String,
        secret: String = WebhookReceiver.requestSecret,
        latency: String = "50ms"
    ) async throws -> GatewayFixture {
        var entry = ""
        if let receiver, let endpoint {
            entry =
                "{ name: test, url: \"\(receiver.base)/\(endpoint)\", secret: \(WebhookReceiver.endpointSecret) }"
        }
        let section = """
            fetch: { allow: [127.0.0.0/8] }
            webhooks:
              secret: \(secret)
              retry_schedule: [\(schedule)]
              endpoints: [\(entry)]
            """
        return try await GatewayFixture(latency: latency) { section + "\n" + GatewayFixture.google($0) }
    }

    static func schedule(_ count: Int, _ delay: String) -> String {
        Array(repeating: delay, count: count).joined(separator: ", ")
    }

    /// Runs a command of the operators'.
    func operate(_ arguments: String...) async throws -> (status: Int32, output: String, errors: String) {
        try await RunningProgram.run(
            RunningProgram.program,
            arguments,
            folder: folder,
            environment: ["IMAGE_GATEWAY_ADMIN_URL": "http://127.0.0.1:\(adminPort)"]
        )
    }

    /// Runs a command of the operators' and reads its JSON.
    func operated(_ arguments: String...) async throws -> JSON {
        let run = try await RunningProgram.run(
            RunningProgram.program,
            arguments + ["--json"],
            folder: folder,
            environment: ["IMAGE_GATEWAY_ADMIN_URL": "http://127.0.0.1:\(adminPort)"]
        )
        guard run.status == 0 else { throw ProgramFailure(message: run.errors) }
        return try JSON(reading: ByteBuffer(string: run.output))
    }
}

/// Waits until something that other processes do is so.
func eventually(within limit: Duration = .seconds(60), _ isSo: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while try await !isSo() {
        guard ContinuousClock.now < end else { return false }
        try await Task.sleep(for: .milliseconds(100))
    }
    return true
}

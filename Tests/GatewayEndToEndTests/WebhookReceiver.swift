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

    init(folder: URL) async throws {
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

    func end() {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
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

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import Testing

@testable import GatewayObjects

/// The OSS that checks signatures by Aliyun's own SDK, running for a suite, and the way to it.
struct FakeOSS: Sendable {
    static let accessKeyID = "live-test"
    static let secret = "live/test+secret=key"
    static let temporaryKeyID = "STS.live-test"
    static let temporarySecret = "live/sts+secret=key"
    static let token = "live/token+of=sts&with?everything#"

    /// The server of the suite that is running.
    @TaskLocal static var current: FakeOSS?

    let port: Int
    let transport: any HTTPTransport

    func settings(_ change: (inout OSSSettings) -> Void = { _ in }) -> OSSSettings {
        var settings = OSSSettings(
            endpoint: "http://oss-cn-hangzhou.localhost:\(port)",
            bucket: "pictures",
            accessKeyID: Self.accessKeyID,
            secretAccessKey: Secret(Self.secret)
        )
        change(&settings)
        return settings
    }

    func store(
        time: any TimeSource = SystemTime(),
        _ change: (inout OSSSettings) -> Void = { _ in }
    ) throws -> OSSObjectStore {
        try OSSObjectStore(settings(change), transport: transport, time: time)
    }

    /// Fetches a link as a caller does, without credentials.
    func follow(_ link: String) async throws -> ObjectBody? {
        let answer = try await transport.send(TransportRequest(.get, link))
        guard answer.status == 200 else { return nil }
        return ObjectBody(contentType: answer.headers[.contentType] ?? "", buffers: [answer.body])
    }
}

/// Runs the OSS beside a suite.
struct WithFakeOSS: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing suite: @Sendable () async throws -> Void
    ) async throws {
        let transport = try CurlTransport()
        do {
            try await run(suite, transport, startsLeft: 3)
        } catch {
            await transport.close()
            throw error
        }
        await transport.close()
    }

    /// Starts the server, again if it ends at once: a port that was free may be somebody else's by then.
    private func run(
        _ suite: @Sendable () async throws -> Void,
        _ transport: CurlTransport,
        startsLeft: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let server = FakeOSS(port: LoopbackPorts.take(), transport: transport)
        let script = try #require(
            Bundle.module.url(forResource: "fake_oss", withExtension: "py", subdirectory: "Oracles")
        )
        let process = try ServerProcess(
            program: "python3",
            arguments: [script.path, String(server.port)],
            log: "\(folder.path)/server.log"
        )
        defer { process.stop() }
        if try await isReady(server, process) {
            return try await FakeOSS.$current.withValue(server) { try await suite() }
        }
        guard startsLeft > 1 else { throw LiveServerFailure("The OSS of the tests ends at once: \(process.lastWords)") }
        try await run(suite, transport, startsLeft: startsLeft - 1)
    }

    /// Waits until it answers anything; `false` if the server has ended.
    private func isReady(_ server: FakeOSS, _ process: ServerProcess) async throws -> Bool {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(60)
        while clock.now < deadline {
            guard process.isRunning else { return false }
            let request = TransportRequest(.get, "http://127.0.0.1:\(server.port)/")
            if (try? await server.transport.send(request)) != nil { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LiveServerFailure("The OSS of the tests is not ready after a minute: \(process.lastWords)")
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import Testing

@testable import GatewayObjects

/// A real S3 server that is running for a suite, and the way to it.
struct LiveServer: Sendable {
    static let accessKeyID = "live-test"
    static let secret = "live/test+secret=key"

    /// The server of the suite that is running.
    @TaskLocal static var current: LiveServer?

    let kind: Kind
    let port: Int
    let transport: any HTTPTransport

    enum Kind: String, Sendable {
        case seaweed = "weed"
        case rclone
    }

    func settings(_ change: (inout S3Settings) -> Void = { _ in }) -> S3Settings {
        var settings = S3Settings(
            endpoint: "http://127.0.0.1:\(port)",
            region: "us-east-1",
            bucket: "pictures",
            accessKeyID: Self.accessKeyID,
            secretAccessKey: Secret(Self.secret)
        )
        change(&settings)
        return settings
    }

    func store(
        time: any TimeSource = SystemTime(),
        _ change: (inout S3Settings) -> Void = { _ in }
    ) throws -> S3ObjectStore {
        try S3ObjectStore(settings(change), transport: transport, time: time)
    }

    /// Fetches a link as a caller does, without credentials.
    func follow(_ link: String) async throws -> ObjectBody? {
        let answer = try await transport.send(TransportRequest(.get, link))
        guard answer.status == 200 else { return nil }
        return ObjectBody(contentType: answer.headers[.contentType] ?? "", buffers: [answer.body])
    }
}

/// Runs a real server beside a suite.
struct WithLiveServer: SuiteTrait, TestScoping {
    let kind: LiveServer.Kind
    /// Whether the bucket has to stand in the host, where a server wants one or the other.
    var isVirtual = false

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
        let server = LiveServer(kind: kind, port: LoopbackPorts.take(), transport: transport)
        let process = try ServerProcess(
            program: kind.rawValue,
            arguments: try arguments(port: server.port, folder: folder.path),
            log: "\(folder.path)/server.log"
        )
        defer { process.stop() }
        if try await makeBucket(server, process) {
            return try await LiveServer.$current.withValue(server) { try await suite() }
        }
        guard startsLeft > 1 else { throw LiveServerFailure("\(kind.rawValue) ends at once: \(process.lastWords)") }
        try await run(suite, transport, startsLeft: startsLeft - 1)
    }

    private func arguments(port: Int, folder: String) throws -> [String] {
        try FileManager.default.createDirectory(atPath: "\(folder)/data/pictures", withIntermediateDirectories: true)
        guard kind == .seaweed else {
            let keys = "\(LiveServer.accessKeyID),\(LiveServer.secret)"
            return [
                "serve", "s3", "--config", "", "--addr", "127.0.0.1:\(port)", "--auth-key", keys,
                "--force-path-style=\(!isVirtual)", "\(folder)/data",
            ]
        }
        let identities = """
            {"identities": [{"name": "test", "credentials": \
            [{"accessKey": "\(LiveServer.accessKeyID)", "secretKey": "\(LiveServer.secret)"}], \
            "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
            """
        try Data(identities.utf8).write(to: URL(fileURLWithPath: "\(folder)/s3.json"))
        // Telemetry would report to the vendor; without -ip and -ip.bind it would listen on every address.
        let fixed = [
            "server", "-dir=\(folder)/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-filer",
            "-s3",
            "-s3.port=\(port)", "-s3.config=\(folder)/s3.json", "-s3.domainName=localhost:\(port),localhost",
            "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=64", "-volume.max=20",
        ]
        let ports = [
            "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
            "s3.port.grpc",
        ]
        return fixed + ports.map { "-\($0)=\(LoopbackPorts.take())" }
    }

    /// Makes the bucket, which is also how it shows that the server is ready; `false` if the server has ended.
    private func makeBucket(_ server: LiveServer, _ process: ServerProcess) async throws -> Bool {
        let signer = SigV4Signer(
            accessKeyID: LiveServer.accessKeyID,
            secretAccessKey: Secret(LiveServer.secret),
            region: "us-east-1"
        )
        let authority = isVirtual ? "pictures.localhost:\(server.port)" : "127.0.0.1:\(server.port)"
        let path = isVirtual ? "/" : "/pictures"
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(60)
        while clock.now < deadline {
            guard process.isRunning else { return false }
            let request = SigV4Request(method: "PUT", path: path, headers: [("host", authority)])
            let empty = try Digest.sha256Hex("")
            var sent = TransportRequest(.put, "http://\(authority)\(path)")
            for (name, value) in try signer.headers(for: request, payloadHash: empty, at: SystemTime().now) {
                sent.headers[try #require(HTTPField.Name(name))] = value
            }
            // 409: the folder is the bucket already.
            if let answer = try? await server.transport.send(sent), [200, 409].contains(answer.status) { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LiveServerFailure("\(kind.rawValue) is not ready after a minute: \(process.lastWords)")
    }
}

struct LiveServerFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCurl
import Hummingbird
import HummingbirdHTTP2
import HTTPTypes
import NIOCore

/// A real server that offers HTTP/2 over TLS, with a certificate of its own.
struct HTTP2Server {
    let url: String
    /// Settings of a transport that trusts it.
    let trusting: CurlSettings
    /// Lets requests for `/hold` be answered.
    let isOpen: Signal
    /// How many requests for `/hold` are there.
    let held: Counter
    /// How many bytes of `/big` the server has begun to send.
    let given: Counter

    /// In answers of `/big`: the connection.
    static let connectionHeader = HTTPField.Name.server

    /// Knows which connection a request came on.
    struct Context: RequestContext {
        var coreContext: CoreRequestContextStorage
        let connection: String

        init(source: ApplicationRequestContextSource) {
            coreContext = .init(source: source)
            // A stream of HTTP/2 is a channel of its own, under its connection's.
            let isStream = "\(type(of: source.channel))".contains("HTTP2")
            let connection = (isStream ? source.channel.parent : nil) ?? source.channel
            self.connection = "\(isStream ? "h2" : "h1") \(ObjectIdentifier(connection))"
        }
    }

    static func run(_ body: (HTTP2Server) async throws -> Void) async throws {
        let files = try Certificate()
        defer { files.remove() }
        let (isOpen, held, given, isUp, port) = (Signal(), Counter(), Counter(), Signal(), Counter())
        let tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
        )
        let app = Application(
            router: routes(isOpen, held, given),
            server: try .http2Upgrade(tlsConfiguration: tls),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.set(channel.localAddress?.port ?? 0)
                isUp.fire()
            }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.run() }
            guard await isUp.wait() else { throw PeerFailure.timedOut }
            let trusting = CurlSettings(certificateFile: files.certificate)
            let url = "https://127.0.0.1:\(port.now)"
            defer {
                isOpen.fire()
                group.cancelAll()
            }
            try await body(
                HTTP2Server(url: url, trusting: trusting, isOpen: isOpen, held: held, given: given)
            )
        }
    }

    private static func routes(_ isOpen: Signal, _ held: Counter, _ given: Counter) -> Router<Context> {
        let router = Router(context: Context.self)
        router.get("/connection") { _, context in context.connection }
        router.get("/hold") { _, context in
            held.add()
            _ = await isOpen.wait()
            return context.connection
        }
        router.get("/big") { _, context in
            Response(
                status: .ok,
                headers: [connectionHeader: context.connection],
                body: .init { writer in
                    let bytes = ByteBuffer(bytes: Pattern.bytes(64 << 20))
                    for place in stride(from: 0, to: bytes.readableBytes, by: 1 << 18) {
                        try await writer.write(bytes.getSlice(at: place, length: 1 << 18) ?? ByteBuffer())
                        given.add(1 << 18)
                    }
                    try await writer.finish(nil)
                }
            )
        }
        router.post("/echo") { request, _ in
            let type = request.headers[.contentType] ?? ""
            return Response(
                status: .created,
                headers: [.contentType: type],
                body: .init(asyncSequence: request.body)
            )
        }
        return router
    }
}

/// A certificate for 127.0.0.1 and its key, made for one test.
private struct Certificate {
    private let folder = URL.temporaryDirectory.appending(path: "curl-tests-\(UUID().uuidString)")

    var certificate: String { folder.appending(path: "server.pem").path() }
    var key: String { folder.appending(path: "server.key").path() }

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let openssl = Foundation.Process()
        openssl.executableURL = URL(filePath: "/usr/bin/env")
        openssl.arguments =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
            .split(separator: " ").map(String.init)
            + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
        openssl.standardError = Pipe()
        try openssl.run()
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw PeerFailure.system("openssl made no certificate") }
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }
}

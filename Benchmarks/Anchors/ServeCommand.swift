// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Hummingbird
import NIOCore

/// Hummingbird with handlers that do next to nothing: the limit of the small path, a bucket, and vendors that are cheap.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Serve the empty handlers.")

    @Option(help: "The port on 127.0.0.1.")
    var port: Int

    @Option(help: "The answer of the vendor that draws at once.")
    var answer: String?

    @Option(help: "A picture: what the task vendor hands out.")
    var picture: String?

    @Option(help: "How long the drawing vendor takes, in milliseconds.")
    var delay = 0

    @Option(help: "How long a task of the task vendor takes, in milliseconds.")
    var duration = 60_000

    func run() async throws {
        let router = Router()
        addEmptyHandlers(to: router)
        addBucket(to: router)
        try addPainter(to: router)
        TaskVendor(port: port, duration: .milliseconds(duration), picture: try Self.file(picture)).add(to: router)
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port))
        )
        try await application.run()
    }

    /// The same paths as the gateway's, so that the same load fits both.
    private func addEmptyHandlers(to router: Router<BasicRequestContext>) {
        router.get("/v1/images/tasks/{id}") { _, _ in Response(status: .ok) }
        router.post("/v1/images/generations/async") { request, _ in
            _ = try await request.body.collect(upTo: 1 << 20)
            return Response(status: .ok)
        }
    }

    /// A bucket that takes everything and keeps nothing.
    private func addBucket(to router: Router<BasicRequestContext>) {
        router.put("/bucket/**") { request, _ in
            for try await _ in request.body {}
            return Response(status: .ok, headers: [.eTag: "\"0123456789abcdef0123456789abcdef\""])
        }
        router.get("/bucket/**") { _, _ in
            Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: "ready\n")))
        }
        router.delete("/bucket/**") { _, _ in Response(status: .noContent) }
    }

    private func addPainter(to router: Router<BasicRequestContext>) throws {
        let answer = try Self.file(answer)
        let delay = Duration.milliseconds(delay)
        router.post("/painter/v1beta/models/{call}") { request, _ in
            _ = try await request.body.collect(upTo: 1 << 20)
            if delay > .zero { try await Task.sleep(for: delay) }
            return Response(
                status: .ok,
                headers: [.contentType: "application/json; charset=UTF-8"],
                body: ResponseBody(byteBuffer: answer)
            )
        }
    }

    private static func file(_ path: String?) throws -> ByteBuffer {
        guard let path else { return ByteBuffer() }
        return ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

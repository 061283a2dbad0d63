// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import ImageGateway
import Logging
import Testing

/// The program of `examples/embed`, against the emulated vendors.
@Suite struct EmbeddingTests {
    @Test func `another program makes a picture through the library alone`() async throws {
        let fixture = try await GatewayFixture()
        var configuration = GatewayConfiguration(environment: ["GEMINI_API_KEY": "emulated-embed"])
        for place in configuration.providers.indices { configuration.providers[place].baseURL = fixture.emulator.base }
        configuration.database.path = fixture.folder.appendingPathComponent("embed.sqlite").path
        configuration.storage = .local(path: fixture.folder.appendingPathComponent("embed").path)

        let gateway = try await Gateway(configuration, logger: Logger(label: "embed") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.run() }
            var draft = ImageRequest.Draft()
            draft.model = "gemini-nano-banana-2.1"
            draft.prompt = "a fox in the snow"

            let task = try await gateway.submit(try ImageRequest(draft), owner: "embed")
            let done = try await gateway.finished(task.id, owner: "embed")

            #expect(done?.status == .completed)
            #expect(try done.map { try gateway.links(of: $0).count } == 1)
            #expect(try await gateway.finished(task.id, owner: "somebody else") == nil)
            group.cancelAll()
        }
        await gateway.close()
        await fixture.end()
    }
}

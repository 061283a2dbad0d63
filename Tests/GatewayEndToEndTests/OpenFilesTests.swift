// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

/// More callers at once than the system gives a process files and connections.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OpenFilesTests {
    private static let openFiles = 400
    private static let callers = 500

    @Test func `more callers than there are files wait at the door, and nobody notices otherwise`() async throws {
        let fixture = try await GatewayFixture(latency: "1s", engine: "workers: 16, memory_budget: 96MiB")
        let gateway = try await fixture.startGateway(openFiles: Self.openFiles)
        let script = try #require(
            Bundle.module.url(forResource: "crowd", withExtension: "py", subdirectory: "Clients")
        )

        // All of them come while nobody can leave: the first answer is a second away.
        async let crowd = RunningProgram.run(
            RunningProgram.packageRoot.appendingPathComponent(".build/test-venv/bin/python"),
            [script.path, "\(fixture.gatewayPort)", GatewayFixture.key, "\(Self.callers)"],
            folder: fixture.folder
        )
        let ready = try await fixture.admin("/health/ready")
        let run = try await crowd

        #expect(ready["status"]?.string == "ok")
        #expect(gateway.isRunning)
        try #require(run.status == 0, "\(run.errors)")
        let statuses = try JSON(reading: ByteBuffer(string: run.output)).members ?? []
        #expect(Set(statuses.map(\.name)).isSubset(of: ["200", "202"]), "\(run.output)")
        #expect(statuses.reduce(0) { $0 + ($1.value.integer ?? 0) } == Self.callers)
        let log = gateway.log("serve")
        #expect(log.contains("lets this process open few files"))
        #expect(!log.contains("\"level\":\"error\""))
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import NIOCore
import Testing

/// `serve --demo`: every vendor, no key, nothing to configure.
@Suite struct DemoTests {
    @Test func `the demonstration draws and edits by all four vendors and ends in peace`() async throws {
        let folder = try RunningProgram.newFolder()
        let port = LoopbackPorts.take()
        // The file's own vendors are replaced, so neither they nor their keys are needed.
        let yaml = """
            server: { listen: "127.0.0.1:\(port)", admin_listen: "127.0.0.1:0" }
            auth: { mode: none }
            providers: [ { kind: gemini, api_keys: ["${NO_SUCH_KEY}"] } ]
            """
        try Data(yaml.utf8).write(to: folder.appendingPathComponent("image-gateway.yaml"))
        let demo = try await RunningProgram(["serve", "--demo"], port: port, folder: folder, ready: "/health/ready")

        let vendors = [
            ("gemini-2.5-flash-image", "", "gemini"), ("imagen-4.0-generate-001", "", "imagen"),
            ("gpt-image-2", "", "aitoearn"), ("gemini-2.5-flash-image", "[emulate:fault=rate-limit@gemini]", "hingnet"),
        ]
        for (model, words, provider) in vendors {
            let made = try await run(["generate", "a fox \(words)", "-m", model, "-o", "fox.png", "--json"], demo)
            #expect(made.status == 0, "\(made.errors)")
            let id = try #require(try JSON(reading: ByteBuffer(string: made.output))["id"]?.string)
            let task = try JSON(reading: ByteBuffer(string: try await run(["task", id, "--json"], demo).output))
            #expect(task["attempts"]?.array?.last?["provider"]?.string == provider)
        }
        let edited = try await run(["edit", "a woodcut", "-i", "fox.png", "-m", "gpt-image-2", "-o", "cut.png"], demo)
        #expect(edited.status == 0, "\(edited.errors)")

        #expect(await demo.end() == 0)
        let lines = demo.log("serve").split(separator: "\n").compactMap {
            try? JSON(reading: ByteBuffer(string: "\($0)"))
        }
        #expect(lines.count > 10)
        #expect(lines.allSatisfy { $0["level"]?.string != "error" }, "\(demo.log("serve"))")
        let finished = try #require(lines.first { $0["message"]?.string == "task finished" })
        #expect(finished["attempts"]?.integer == 1, "a number, not a text")
        #expect(finished["code"] == nil)
        #expect((finished["took_ms"]?.integer ?? 0) > 0)
    }

    private func run(
        _ arguments: [String],
        _ demo: RunningProgram
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await RunningProgram.run(
            RunningProgram.program,
            arguments,
            folder: demo.folder,
            environment: ["IMAGE_GATEWAY_URL": demo.base]
        )
    }
}

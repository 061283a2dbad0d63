// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import NIOCore
import Testing

/// The same request again under its `Idempotency-Key`, by real programs; the emulator's ledger counts what was bought.
@Suite(.serialized) struct IdempotencyTests {
    private static let path = "/v1/images/generations"

    private static func body(_ prompt: String) -> JSON {
        ["model": "gemini-2.5-flash-image", "prompt": JSON(prompt)]
    }

    private static func isReplay(_ headers: HTTPFields) -> Bool {
        HTTPField.Name("Idempotent-Replayed").flatMap { headers[$0] } == "true"
    }

    @Test func `two hundred requests at once with one key are one task, one purchase and equal answers`() async throws {
        let fixture = try await GatewayFixture(latency: "1s", pictureBytes: 1 << 20)
        let gateway = try await fixture.startGateway()

        let answers = try await withThrowingTaskGroup(of: (Int, HTTPFields, JSON).self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let answer = try await fixture.call(.post, Self.path, Self.body("one fox"), named: "order-7")
                    return (answer.status, answer.headers, answer.json)
                }
            }
            return try await group.reduce(into: [(Int, HTTPFields, JSON)]()) { $0.append($1) }
        }

        #expect(answers.allSatisfy { $0.0 == 200 })
        let first = try #require(answers.first).2
        #expect(answers.allSatisfy { $0.2 == first })
        #expect(answers.count { !Self.isReplay($0.1) } == 1)
        let file = first["data"]?[0]?["b64_json"]?.string.flatMap { Data(base64Encoded: $0) }
        #expect(file?.starts(with: [0x89, 0x50, 0x4E, 0x47]) == true)
        #expect(try await fixture.purchases() == ["one fox": 1])
        let tasks = try await fixture.call(.get, "/v1/images/tasks").json["data"]?.array
        #expect(tasks?.count == 1)
        print("idempotency: 200 answers, 1 purchase, peak memory \(gateway.peakMemory >> 20) MiB")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test(arguments: [false, true])
    func `a call that its client cut off after a second is not bought again`(isEdit: Bool) async throws {
        let fixture = try await GatewayFixture(latency: "3s")
        let gateway = try await fixture.startGateway()
        let picture = try fixture.samplePicture()
        let what =
            isEdit
            ? ["-F", "model=gemini-2.5-flash-image", "-F", "prompt=a cut fox", "-F", "image=@\(picture.path)"]
            : ["-H", "Content-Type: application/json", "-d", String(buffer: Self.body("a cut fox").encoded())]
        let path = isEdit ? "/v1/images/edits" : Self.path
        let call =
            what + ["-sS", "-H", "Authorization: Bearer \(GatewayFixture.key)", "-H", "Idempotency-Key: cut-7"]
            + ["-D", "-", "\(gateway.base)\(path)"]
        let curl = URL(fileURLWithPath: "/usr/bin/curl")

        let cut = try await RunningProgram.run(curl, ["-m", "1"] + call, folder: fixture.folder)
        // Once more while it is drawn, and when it is there.
        let joined = try await RunningProgram.run(curl, call, folder: fixture.folder)
        let later = try await RunningProgram.run(curl, call, folder: fixture.folder)

        #expect(cut.status == 28, "\(cut.errors)")
        for answer in [joined, later] {
            let parts = answer.output.split(separator: "\r\n\r\n", maxSplits: 1)
            #expect(parts.first?.hasPrefix("HTTP/1.1 200") == true, "\(answer.output.prefix(300))")
            #expect(parts.first?.lowercased().contains("idempotent-replayed: true") == true)
            #expect(parts.last?.contains("\"b64_json\":\"iVBORw0KGgo") == true)
        }
        #expect(try await fixture.purchases() == ["a cut fox": 1])
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `after kill -9 a repeat finds the task, and a finished picture is there`() async throws {
        let fixture = try await GatewayFixture(latency: "50ms")
        var gateway = try await fixture.startGateway()
        let first = try await fixture.call(.post, Self.path, Self.body("a kept fox"), named: "kept-7")
        #expect(first.status == 200)

        await gateway.end(SIGKILL)
        gateway = try await fixture.startGateway()
        let second = try await fixture.call(.post, Self.path, Self.body("a kept fox"), named: "kept-7")
        let other = try await fixture.call(.post, Self.path, Self.body("another fox"), named: "kept-7")

        #expect(second.status == 200)
        #expect(second.json == first.json)
        #expect(Self.isReplay(second.headers))
        #expect(other.status == 409)
        #expect(other.json["error"]?["code"]?.string == "idempotency_conflict")
        #expect(try await fixture.purchases() == ["a kept fox": 1])
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `the official Python client repeats requests and understands limits`() async throws {
        let fixture = try await GatewayFixture(latency: "500ms") { base in
            GatewayFixture.google(base) + "\nlimits: { requests_per_minute: 10, concurrent_tasks: 3 }"
        }
        let gateway = try await fixture.startGateway()
        let script = try #require(
            Bundle.module.url(forResource: "openai_repeats", withExtension: "py", subdirectory: "Clients")
        )

        let run = try await RunningProgram.run(
            RunningProgram.packageRoot.appendingPathComponent(".build/test-venv/bin/python"),
            [script.path, gateway.base, GatewayFixture.key],
            folder: fixture.folder
        )

        try #require(run.status == 0, "\(run.errors)")
        let seen = try JSON(reading: ByteBuffer(string: run.output))
        #expect(seen["equal"]?.bool == true)
        #expect(seen["replayed"] == [.null, "true"])
        #expect(seen["limit"]?.string == "10")
        #expect(seen["remaining"]?.string == "8")
        #expect(seen["conflict"] == ["ConflictError", "idempotency_conflict"])
        #expect(seen["quota"] == ["RateLimitError", "quota_exceeded", true])
        #expect(seen["hasty"] == ["RateLimitError", "rate_limit_exceeded", true])
        // The client's own retries wait as long as the gateway says.
        #expect(seen["patient"]?.bool == true)
        #expect(try await fixture.purchases()["a fox, once"] == 1)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import Testing

/// What becomes of pictures and tasks whose time is over, in the built program.
@Suite(.serialized) struct RetentionTests {
    private func gateway(lifetime: String, retention: String) async throws -> GatewayFixture {
        try await GatewayFixture(engine: "task_retention: \(retention)") { base in
            "storage: { kind: local, path: images, url_lifetime: \(lifetime) }\n" + GatewayFixture.google(base)
        }
    }

    /// Every file below the pictures' folder but the key of the links.
    private func files(_ fixture: GatewayFixture) -> [String] {
        let folder = fixture.folder.appendingPathComponent("images")
        let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        // What shows that the storage is ready stays.
        return found.filter { $0 != "link.key" && !$0.hasPrefix("objects/check") }.sorted()
    }

    /// How many uploads three kills can meet in that moment: as many as calls are made at once, and few of those.
    private static let mostUploads = 12

    private func pictures(_ fixture: GatewayFixture) -> [String] { files(fixture).filter { $0.hasSuffix(".png") } }

    private func eventually(_ limit: Duration = .seconds(40), _ isSo: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while try await !isSo() {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(100))
        }
        return true
    }

    private func edit(_ fixture: GatewayFixture) throws -> JSON {
        let picture = try Data(contentsOf: try fixture.samplePicture()).base64EncodedString()
        return [
            "model": "gemini-2.5-flash-image", "prompt": "a hat", "images": [JSON("data:image/png;base64,\(picture)")],
        ]
    }

    @Test func `pictures go when their links die, tasks when their time is over, and nothing is left`() async throws {
        let fixture = try await gateway(lifetime: "2s", retention: "9s")
        let gateway = try await fixture.startGateway()
        var ids = try await fixture.create(20, clients: 4) { number in
            ["model": "gemini-2.5-flash-image", "prompt": JSON("fox number \(number)")]
        }
        let edited = try await fixture.call(.post, "/v1/images/edits/async", try edit(fixture))
        ids.append(try #require(edited.json["id"]?.string))
        let sample = "/v1/images/tasks/\(ids[20])"

        #expect(try await fixture.outcomes(of: ids, within: .seconds(120)) == ["completed": 21])
        #expect(try await eventually { pictures(fixture).isEmpty }, "\(files(fixture))")
        let expired = try await fixture.call(.get, sample)
        #expect(expired.json["status"]?.string == "completed")
        #expect(expired.json["data"]?.array?.isEmpty == true)
        #expect(expired.json["error"]?["code"]?.string == "result_expired")
        #expect(try await fixture.call(.get, sample + "/content").status == 410)

        let areGone = try await eventually {
            try await fixture.call(.get, "/v1/images/tasks").json["data"]?.array?.isEmpty == true
        }
        #expect(areGone)
        #expect(try await fixture.call(.get, sample).status == 404)
        #expect(files(fixture) == ["incoming", "objects"])
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `deleting a task deletes its pictures soon, and its link is dead`() async throws {
        let fixture = try await gateway(lifetime: "1h", retention: "1h")
        let gateway = try await fixture.startGateway()
        let ids = try await fixture.create(2, clients: 1) { _ in
            ["model": "gemini-2.5-flash-image", "prompt": "a fox"]
        }
        #expect(try await fixture.outcomes(of: ids, within: .seconds(30)) == ["completed": 2])
        #expect(pictures(fixture).count == 2)

        let answer = try await fixture.call(.delete, "/v1/images/tasks/\(ids[0])")

        #expect(answer.status == 200)
        #expect(answer.json["object"]?.string == "image.task.deleted")
        #expect(answer.json["deleted"] == .bool(true))
        #expect(try await fixture.call(.delete, "/v1/images/tasks/\(ids[0])").status == 404)
        #expect(try await fixture.call(.delete, "/v1/images/tasks/\(ids[1])", key: "test-key-of-bob").status == 404)
        #expect(try await eventually { pictures(fixture).count == 1 })
        #expect(pictures(fixture).allSatisfy { $0.contains(ids[1]) })
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `after kill -9 in the middle of everything nothing is left behind`() async throws {
        let fixture = try await gateway(lifetime: "3s", retention: "12s")
        var gateway = try await fixture.startGateway()
        // A first wave is being deleted while a second one is being made and a third is deleted by its caller.
        for wave in 0..<3 {
            let ids = try await fixture.create(100, clients: 16) { number in
                ["model": "gemini-2.5-flash-image", "prompt": JSON("fox number \(number) of \(wave)")]
            }
            for _ in 0..<3 { _ = try await fixture.call(.post, "/v1/images/edits/async", try edit(fixture)) }
            for id in ids.prefix(10) { _ = try await fixture.call(.delete, "/v1/images/tasks/\(id)") }
            try await Task.sleep(for: .milliseconds(Int.random(in: 300...1500)))
            await gateway.end(SIGKILL)
            gateway = try await fixture.startGateway()
        }

        let isOver = try await eventually {
            let open = try await fixture.call(.get, "/v1/images/tasks").json["data"]?.array
            return open?.isEmpty == true && pictures(fixture).count <= Self.mostUploads
        }

        // A picture whose process dies right behind its upload goes when the announcement of that is over, an hour later.
        #expect(isOver, "\(files(fixture).prefix(9))")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }
}

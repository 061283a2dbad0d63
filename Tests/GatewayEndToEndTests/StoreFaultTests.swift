// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import Testing

/// What callers and operators see while the task database cannot be written, and that it ends by itself.
@Suite struct StoreFaultTests {
    private static let drawing: JSON = ["model": "gemini-2.5-flash-image", "prompt": "a fox that comes too late"]

    private func create(_ count: Int, _ fixture: GatewayFixture) async throws -> [String] {
        try await fixture.create(count, clients: 8) { number in
            ["model": "gemini-2.5-flash-image", "prompt": JSON("fox number \(number)")]
        }
    }

    private func readiness(_ fixture: GatewayFixture) async throws -> (status: Int, database: String?) {
        let answer = try await fixture.transport.send(
            TransportRequest(.get, "http://127.0.0.1:\(fixture.adminPort)/health/ready")
        )
        return (answer.status, try JSON(reading: answer.body)["checks"]?["database"]?.string)
    }

    private func eventually(_ limit: Duration = .seconds(20), _ isSo: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + limit
        while try await !isSo() {
            guard ContinuousClock.now < end else { return false }
            try await Task.sleep(for: .milliseconds(100))
        }
        return true
    }

    private func expectRefusal(_ answer: (status: Int, headers: HTTPFields, json: JSON)) {
        #expect(answer.status == 503)
        #expect(answer.headers[.retryAfter] == "2")
        #expect(answer.json["error"]?["code"]?.string == "provider_unavailable")
        let message = answer.json["error"]?["message"]?.string ?? ""
        #expect(message == "The gateway cannot reach its database now; try again.")
    }

    /// After a fault: ready, nothing lost, nothing bought twice, and a new task is taken.
    private func expectRecovery(_ ids: [String], _ fixture: GatewayFixture) async throws {
        #expect(try await eventually { try await readiness(fixture) == (200, "ok") })
        let late = try await fixture.call(.post, "/v1/images/generations/async", Self.drawing)
        #expect(late.status == 200)
        let all = ids + [late.json["id"]?.string ?? "none"]
        #expect(try await fixture.outcomes(of: all, within: .seconds(60)) == ["completed": all.count])
        let purchases = try await fixture.purchases()
        #expect(purchases.values.allSatisfy { $0 == 1 }, "\(purchases.filter { $0.value > 1 })")
    }

    // MARK: Locked

    @Test func `a database that another program locks for ten seconds costs nobody a task`() async throws {
        let fixture = try await GatewayFixture(latency: "2s")
        let gateway = try await fixture.startGateway()
        let ids = try await create(20, fixture)
        let script = """
            import sqlite3, sys, time
            held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
            held.execute("BEGIN EXCLUSIVE")
            open(sys.argv[2], "w").close()
            time.sleep(10)
            held.execute("ROLLBACK")
            """
        let sign = fixture.folder.appendingPathComponent("locked")
        let database = fixture.folder.appendingPathComponent("data/gateway.sqlite")
        let python = URL(fileURLWithPath: "/usr/bin/env")
        let arguments = ["python3", "-c", script, database.path, sign.path]
        async let holder = RunningProgram.run(python, arguments, folder: fixture.folder)
        #expect(try await eventually { FileManager.default.fileExists(atPath: sign.path) })

        // While it is locked, the vendors' pictures arrive: none of them may be lost.
        let start = ContinuousClock.now
        async let refused = fixture.call(.post, "/v1/images/generations/async", Self.drawing)
        #expect(try await eventually(.seconds(8)) { try await readiness(fixture) == (503, "failed") })
        expectRefusal(try await refused)
        #expect(ContinuousClock.now - start < .seconds(9))
        // Reading goes on.
        #expect(try await fixture.call(.get, "/v1/images/tasks/\(ids[0])").status == 200)

        #expect(try await holder.status == 0)
        try await expectRecovery(ids, fixture)
        #expect(gateway.log("serve").contains("Another program holds a lock on the task database"))
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    // MARK: Full, and read-only

    /// Whether file systems can be mounted here, which takes root's rights.
    static let mayMount = succeeds("unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt")

    /// Whether files can be made immutable here, which takes root's rights and a file system that knows it.
    static let mayFreeze: Bool = {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("freeze-\(UUID().uuidString)")
        guard FileManager.default.createFile(atPath: file.path, contents: nil) else { return false }
        defer { try? FileManager.default.removeItem(at: file) }
        return succeeds("chattr", "+i", file.path) && succeeds("chattr", "-i", file.path)
    }()

    private static func succeeds(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private func run(_ command: String...) async throws -> Int32 {
        let folder = FileManager.default.temporaryDirectory
        return try await RunningProgram.run(URL(fileURLWithPath: "/usr/bin/env"), command, folder: folder).status
    }

    /// A gateway whose database lies on a file system of its own.
    private func onSmallDisk(
        latency: String,
        _ body: (GatewayFixture, _ disk: URL) async throws -> Void
    ) async throws {
        let disk = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-disk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        try #require(try await run("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", disk.path) == 0)
        let result: Result<Void, any Error>
        do {
            let fixture = try await GatewayFixture(latency: latency) { vendors in
                "database: { url: \"sqlite:\(disk.path)/tasks.sqlite\" }\n" + GatewayFixture.google(vendors)
            }
            try await body(fixture, disk)
            await fixture.end()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        _ = try await run("umount", "-l", disk.path)
        try? FileManager.default.removeItem(at: disk)
        try result.get()
    }

    /// Fills a disk to its last byte.
    private func fill(_ file: URL) throws {
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        let descriptor = open(file.path, O_WRONLY | O_APPEND)
        defer { close(descriptor) }
        for size in [65_536, 4096, 1] {
            let bytes = [UInt8](repeating: 0x5A, count: size)
            while write(descriptor, bytes, size) > 0 {}
        }
    }

    @Test(.enabled(if: mayMount, "file systems can be mounted by root only"))
    func `on a full disk callers are told to come again, and with room everything goes on`() async throws {
        try await onSmallDisk(latency: "2s") { fixture, disk in
            let gateway = try await fixture.startGateway()
            let ids = try await create(20, fixture)
            let filler = disk.appendingPathComponent("filler")
            try fill(filler)

            // The pictures arrive meanwhile. What room the log still has is soon used.
            var answer = try await fixture.call(.post, "/v1/images/generations/async", Self.drawing)
            var accepted: [String] = []
            for _ in 0..<2000 where answer.status == 200 {
                if let id = answer.json["id"]?.string { accepted.append(id) }
                let long: JSON = [
                    "model": "imagen-4.0-generate-001",
                    "prompt": JSON("fox \(accepted.count) " + String(repeating: "snow ", count: 300)),
                ]
                answer = try await fixture.call(.post, "/v1/images/generations/async", long)
            }
            expectRefusal(answer)
            #expect(try await eventually { try await readiness(fixture) == (503, "failed") })
            #expect(try await fixture.call(.get, "/v1/images/tasks/\(ids[0])").status == 200)
            try await Task.sleep(for: .seconds(3))

            try FileManager.default.removeItem(at: filler)
            #expect(try await fixture.outcomes(of: accepted, within: .seconds(60))["lost"] == nil)
            try await expectRecovery(ids, fixture)
            #expect(gateway.log("serve").contains("No space is left for the task database"))
            #expect(await gateway.end() == 0)
        }
    }

    @Test(.enabled(if: mayFreeze, "files can be made immutable by root only"))
    func `a database that turns read-only while it is used is read, and goes on when it can be written`() async throws {
        let fixture = try await GatewayFixture(latency: "2s")
        let gateway = try await fixture.startGateway()
        let ids = try await create(20, fixture)
        let log = fixture.folder.appendingPathComponent("data/gateway.sqlite-wal").path

        #expect(try await run("chattr", "+i", log) == 0)
        expectRefusal(try await fixture.call(.post, "/v1/images/generations/async", Self.drawing))
        #expect(try await eventually { try await readiness(fixture) == (503, "failed") })
        #expect(try await fixture.call(.get, "/v1/images/tasks/\(ids[0])").status == 200)
        // The pictures arrive meanwhile.
        try await Task.sleep(for: .seconds(3))
        #expect(try await run("chattr", "-i", log) == 0)

        try await expectRecovery(ids, fixture)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test(.enabled(if: mayMount, "file systems can be mounted by root only"))
    func `a database that cannot be written is refused at the start, and is as it was afterwards`() async throws {
        try await onSmallDisk(latency: "10ms") { fixture, disk in
            var gateway = try await fixture.startGateway()
            let ids = try await create(5, fixture)
            #expect(try await fixture.outcomes(of: ids, within: .seconds(30)) == ["completed": 5])
            #expect(await gateway.end() == 0)
            #expect(try await run("mount", "-o", "remount,ro", disk.path) == 0)

            let refused = try await RunningProgram.run(RunningProgram.program, ["serve"], folder: fixture.folder)
            #expect(refused.status == 2)
            #expect(refused.errors.contains("tasks.sqlite"), "\(refused.errors)")
            #expect(refused.errors.contains("Read-only file system"), "\(refused.errors)")

            #expect(try await run("mount", "-o", "remount,rw", disk.path) == 0)
            gateway = try await fixture.startGateway()
            #expect(try await fixture.outcomes(of: ids, within: .seconds(30)) == ["completed": 5])
            #expect(await gateway.end() == 0)
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import ImageGateway
import Logging
import NIOCore
import Testing

/// The bar of retention, on a real database and a real folder.
///
/// `GATEWAY_EXPIRED_PICTURES` sets how many there are; the bar is for 10,000.
@Suite(.serialized) struct JanitorLoadTests {
    static let pictures =
        ProcessInfo.processInfo.environment["GATEWAY_EXPIRED_PICTURES"].flatMap { Int($0) } ?? 2000

    private func gateway(_ folder: URL) async throws -> Gateway {
        var configuration = GatewayConfiguration(environment: ["GEMINI_API_KEY": "nobody-is-asked"])
        configuration.database.path = folder.appendingPathComponent("tasks.sqlite").path
        configuration.storage = .local(path: folder.appendingPathComponent("images").path)
        return try await Gateway(configuration, logger: Logger(label: "janitor") { _ in SwiftLogNoOpLogHandler() })
    }

    private func count(_ folder: URL) -> Int {
        let all = FileManager.default.enumerator(atPath: folder.appendingPathComponent("images").path)
        return all?.count { ($0 as? String)?.hasSuffix(".png") == true } ?? 0
    }

    /// Runs a gateway until so many pictures are left.
    private func run(_ gateway: Gateway, _ folder: URL, until left: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.run() }
            let end = ContinuousClock.now + .seconds(90)
            while count(folder) > left, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(50)) }
            group.cancelAll()
        }
        await gateway.close()
    }

    @Test func `expired pictures are gone within a minute of the start, with a stop half-way`() async throws {
        let folder = try RunningProgram.newFolder()
        var gateway = try await gateway(folder)
        let owner = TaskIDSource().next()
        let keys = (0..<Self.pictures).compactMap { ObjectKey("2026/11/21/\(owner)-\($0).png") }
        let objects = gateway.objects
        try await withThrowingTaskGroup(of: Void.self) { group in
            for start in stride(from: 0, to: keys.count, by: 500) {
                for key in keys[start..<min(start + 500, keys.count)] {
                    let body = ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "a picture")])
                    group.addTask { try await objects.put(body, at: key) }
                }
                try await group.waitForAll()
            }
        }
        let now = SystemTime().now
        try await gateway.store.announce(keys.map { Deletion(key: $0, task: owner, due: now) })
        #expect(count(folder) == keys.count)

        let start = ContinuousClock.now
        try await run(gateway, folder, until: Self.pictures / 2)
        let half = count(folder)
        gateway = try await self.gateway(folder)
        try await run(gateway, folder, until: 0)
        let took = ContinuousClock.now - start

        #expect((1...Self.pictures / 2).contains(half))
        #expect(count(folder) == 0)
        #expect(took < .seconds(60))
        print("retention: \(Self.pictures) pictures in \(took), \(half) left at the stop")
        let last = try await self.gateway(folder)
        let late = now.advanced(by: .seconds(900_000))
        #expect(try await last.store.dueDeletions(limit: 9, now: late, lease: .zero).isEmpty)
        await last.close()
        try? FileManager.default.removeItem(at: folder)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Synchronization
import Testing

@Suite struct CapabilityRefreshTests {
    @Test func `vendors are asked at the start and every hour, and a failure empties nothing`() async throws {
        let answers = Mutex<[Result<[String: ModelCapabilities], ProviderError>]>([
            .success(["one": FakeVendor.capabilities(3)]), .failure(ProviderError(.overloaded, "Busy.")),
            .success([:]), .success(["one": FakeVendor.capabilities(5)]),
        ])
        let asked = Mutex(0)
        let vendor = FakeVendor(publishing: {
            asked.withLock { $0 += 1 }
            return answers.withLock { $0.isEmpty ? .success([:]) : $0.removeFirst() }
        }) { _, _, _ in .failing(.failed) }
        let time = ManualTime()
        let book = CapabilityBook()
        let refresh = CapabilityRefresh(
            providers: [vendor.provider("a")],
            book: book,
            time: time,
            logger: Bench.logger
        )
        func known() -> Int? { book.capabilities(of: "one", by: "a")?.maxCount }

        let running = Task { await refresh.run() }
        await time.untilSleeping()
        #expect(known() == 3)
        // An hour later it fails, and is tried again soon.
        time.advance(by: .seconds(3960))
        try await eventually { asked.withLock(\.self) == 2 }
        await time.untilSleeping()
        #expect(known() == 3)
        time.advance(by: .seconds(330))
        try await eventually { asked.withLock(\.self) == 3 }
        await time.untilSleeping()
        #expect(known() == 3)
        time.advance(by: .seconds(3960))
        try await eventually { known() == 5 }

        running.cancel()
        await running.value
    }

    @Test func `each key is tried until one is answered, and a list without end is no list`() async throws {
        let vendor = FakeVendor(publishing: {
            .success(Dictionary(uniqueKeysWithValues: (0...1000).map { ("m\($0)", FakeVendor.capabilities(1)) }))
        }) { _, _, _ in .failing(.failed) }
        let book = CapabilityBook()
        let provider = vendor.provider("a", keys: ["k1", "k2"])
        let refresh = CapabilityRefresh(providers: [provider], book: book, time: ManualTime(), logger: Bench.logger)

        #expect(await refresh.refresh(provider))
        #expect(book.capabilities(of: "m1", by: "a") == nil)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct ObjectStoreConformanceTests {
    @Test(arguments: ObjectStoreConformance.Check.allCases)
    func `the store in memory keeps the contract`(check: ObjectStoreConformance.Check) async throws {
        let (store, time) = (MemoryObjectStore(), ManualTime())

        try await ObjectStoreConformance(store: store, time: time) { store.object(at: $0, now: time.now) }.run(check)
    }

    @Test(arguments: ObjectStoreConformance.Check.allCases)
    func `the local store keeps the contract`(check: ObjectStoreConformance.Check) async throws {
        let (local, time) = (try LocalFixture(), ManualTime())

        let conformance = ObjectStoreConformance(store: local.store, time: time) { link in
            guard let query = link.split(separator: "?", maxSplits: 1).dropFirst().first else { return nil }
            let path = link.dropFirst("\(LocalFixture.base)/files/".count).prefix { $0 != "?" }
            guard let file = try? await local.store.open(path: String(path), query: String(query), now: time.now) else {
                return nil
            }
            return ObjectBody(contentType: file.contentType, buffers: [try await file.read(0, file.length)])
        }
        try await conformance.run(check)
    }

    @Test(
        arguments: ObjectStoreConformance.Check.allCases.filter {
            $0 != .linksAreStable && $0 != .impossibleLivesAreRefused
        }
    )
    func `a store that forgets everything breaks the contract`(check: ObjectStoreConformance.Check) async {
        let store = MemoryObjectStore()

        await #expect(throws: ObjectStoreConformance.BrokenPromise.self) {
            try await ObjectStoreConformance(store: store, time: ManualTime()) { link in
                // Over and changed links must show something too, or these checks could not fail.
                check == .linksEnd ? ObjectBody(contentType: "image/png", buffers: []) : nil
            }
            .run(check)
        }
    }
}

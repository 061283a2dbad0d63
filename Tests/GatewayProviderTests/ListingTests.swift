// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayProviders

@Suite struct ListingTests {
    @Test func `only models with the method are named, page after page`() async throws {
        let recording = try #require(try recordings(of: "gemini")["models"])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))

        let names = try await GeminiTests.provider(transport).models(key: Secret("secret-key"))

        #expect(names == ["gemini-nano-banana-2.1", "gemini-nano-banana-2.1-next"])
    }

    @Test func `a list without an end is left`() async throws {
        let endless = ReplayTransport { sent in
            let place = sent.request.url.count
            return .json([
                "models": [["name": "models/x"]], "nextPageToken": JSON(String(repeating: "y", count: place)),
            ])
        }
        let circular = ReplayTransport { _ in .json(["models": [["name": "models/x"]], "nextPageToken": "same"]) }

        let many = try await GeminiTests.provider(endless).models(key: Secret("secret-key"))
        let few = try await ImagenTests.provider(circular).models(key: Secret("secret-key"))

        #expect(many.count == 20)
        #expect(few.count == 2)
    }

    @Test func `a bad key is found by listing`() async throws {
        let recording = try #require(try recordings(of: "gemini")["bad_key"])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))

        let error = await #expect(throws: ProviderError.self) {
            try await GeminiTests.provider(transport).models(key: Secret("secret-key"))
        }

        #expect(error?.code == .credential)
    }
}

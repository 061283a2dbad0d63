// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Testing

@Suite struct WebhookSectionTests {
    private static let first = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    private static let second = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    private func webhooks(_ section: String, more: String = "") throws -> GatewayConfiguration.Webhooks {
        let yaml = """
            auth: { mode: none }
            providers: [ { kind: gemini, api_keys: [k] } ]
            webhooks: \(section)
            \(more)
            """
        return try GatewayConfiguration(yaml: yaml, environment: ["HOOK_SECRET": Self.second]).webhooks
    }

    @Test func `without the section nobody hears of anything`() throws {
        let none = GatewayConfiguration().webhooks
        #expect(none.secrets.isEmpty)
        #expect(none.endpoints.isEmpty)
        #expect(none.retrySchedule.map { $0 / .seconds(1) } == [5, 30, 300, 1800, 7200, 18_000, 36_000])
    }

    @Test func `the contract's example is read`() throws {
        let read = try webhooks(
            """

              secret: \(Self.first)
              endpoints: [ { url: "https://example.com/hook", secret: "${HOOK_SECRET}" } ]
              retry_schedule: [5s, 30s, 5m, 30m, 2h, 5h, 10h]
            """
        )
        #expect(read.secrets == [try WebhookSecret(Secret(Self.first))])
        #expect(read.endpoints.map(\.secrets) == [[try WebhookSecret(Secret(Self.second))]])
        #expect(read.endpoints.map(\.address.description) == ["https://example.com/hook"])
        let name = try #require(read.endpoints.first?.name)
        #expect(name.wholeMatch(of: /hook-[0-9a-f]{8}/) != nil)
    }

    @Test(arguments: [
        "secret: [\(first), \(second)]", "{ secret: \(first), previous_secret: \(second) }",
        "{ secret: [\(first)], previous_secret: \(second) }",
    ])
    func `while a secret changes both are known, the present one first`(section: String) throws {
        let section = section.hasPrefix("{") ? section : "{ \(section) }"
        let wanted = try [Self.first, Self.second].map { try WebhookSecret(Secret($0)) }
        #expect(try webhooks(section).secrets == wanted)
        let endpoint = section.dropFirst().dropLast()
        let read = try webhooks("{ endpoints: [ { url: \"https://a.example\", name: a, \(endpoint) } ] }")
        #expect(read.endpoints.map(\.secrets) == [wanted])
        #expect(read.endpoints.map(\.name) == ["a"])
    }

    static let mistakes: [(section: String, sentence: String)] = [
        ("{ secret: plain }", "webhooks.secret must begin with whsec_, as Standard Webhooks secrets do."),
        ("{ secret: whsec_AAAA }", "webhooks.secret must hold 24 to 64 bytes, not 3"),
        ("{ secret: \"\" }", "webhooks.secret must begin with whsec_"),
        ("{ secret: [] }", "webhooks.secret may not be empty."),
        ("{ previous_secret: \(first) }", "webhooks.previous_secret has no effect without secret."),
        ("{ secrt: x }", "webhooks.secrt is not a known key. Did you mean webhooks.secret?"),
        ("{ endpoints: [ { url: \"https://a.example\" } ] }", "webhooks.endpoints[0].secret is missing."),
        ("{ endpoints: [ { secret: \(first) } ] }", "webhooks.endpoints[0].url is missing."),
        (
            "{ endpoints: [ { url: \"ftp://a.example\", secret: \(first) } ] }",
            "webhooks.endpoints[0].url must look like https://host/path."
        ),
        (
            "{ endpoints: [ { url: \"https://u:p@a.example\", secret: \(first) } ] }",
            "webhooks.endpoints[0].url may have no user name or password in it."
        ),
        (
            "{ endpoints: [ { url: \"https://a.example\", secret: \(first), name: \"My hook\" } ] }",
            "webhooks.endpoints[0].name must be 1 to 40 of a-z, 0-9, - and _, and not 'request'."
        ),
        (
            """
            { endpoints: [ { url: "https://a.example", secret: \(first) }, { url: "https://a.example", secret: \(second) } ] }
            """,
            "webhooks.endpoints has two entries of the same name or URL"
        ),
        ("{ retry_schedule: [5s, soon] }", "webhooks.retry_schedule must be a list of at most 50 durations up to 7d"),
        ("{ retry_schedule: 5s }", "webhooks.retry_schedule must be a list."),
        ("{ secret: \(first), retry_schedule: [7d] }", "webhooks.retry_schedule goes on for longer than"),
    ]

    @Test(arguments: mistakes)
    func `a mistake is named, without the secret`(section: String, sentence: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try webhooks(section) }
        let found = error?.mistakes ?? []
        #expect(found.contains { $0.hasPrefix(sentence) }, "\(found)")
        #expect(!"\(found)".contains("MfKQ9r8"))
    }
}

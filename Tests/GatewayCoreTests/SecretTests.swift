// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct SecretTests {
    private struct Account {
        let name = "alice"
        let key: Secret?
        let keys: [String: [Secret]]
    }

    private static let plain = "sk-do-not-print-me"

    /// Every way a value becomes text.
    static let printers: [(way: String, text: @Sendable (Any) -> String)] = [
        ("interpolation", { "\($0)" }),
        ("describing", { String(describing: $0) }),
        ("reflecting", { String(reflecting: $0) }),
        (
            "print",
            { value in
                var text = ""
                print(value, to: &text)
                return text
            }
        ),
        (
            "debugPrint",
            { value in
                var text = ""
                debugPrint(value, to: &text)
                return text
            }
        ),
        (
            "dump",
            { value in
                var text = ""
                dump(value, to: &text)
                return text
            }
        ),
        ("mirror", { value in Mirror(reflecting: value).children.map { "\($0.value)" }.joined() }),
    ]

    @Test(arguments: printers)
    func `a secret never prints itself, alone or inside other values`(
        way: String,
        text: @Sendable (Any) -> String
    ) {
        let secret = Secret(Self.plain)
        let values: [Any] = [
            secret, [secret], ["key": secret], (secret, 1), Optional(secret) as Any,
            Account(key: secret, keys: ["all": [secret]]), Result<Secret, any Error>.success(secret),
        ]

        for value in values {
            #expect(!text(value).contains(Self.plain), "\(way)")
        }
        if way != "mirror" { #expect(text(secret).contains("<redacted>")) }
    }

    @Test func `a secret lends its text to those who ask`() {
        let secret = Secret(Self.plain)

        #expect(secret.withPlaintext { $0 } == Self.plain)
        #expect(secret.withPlaintext(\.count) == 18)
        #expect(secret == Secret(Self.plain))
        #expect(secret != Secret("other"))
        #expect(!secret.isEmpty)
        #expect(Secret("").isEmpty)
    }
}

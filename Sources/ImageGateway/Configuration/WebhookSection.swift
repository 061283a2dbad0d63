// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayEngine
import GatewayObjects
import NIOCore

extension GatewayConfiguration {
    /// Who hears that tasks are finished.
    public struct Webhooks: Sendable {
        /// The secrets for the addresses of requests, the present one first; empty if requests may name none.
        public var secrets: [WebhookSecret] = []
        /// Who hears of every task.
        public var endpoints: [Endpoint] = []
        /// How long to wait after each failed try.
        public var retrySchedule = WebhookSettings.defaultSchedule

        /// Who hears of every task.
        public struct Endpoint: Sendable {
            /// The operator's name for it.
            public var name: String
            /// Where it is.
            public var address: WebhookAddress
            /// Its secrets, the present one first.
            public var secrets: [WebhookSecret]

            /// Creates an endpoint.
            ///
            /// - Parameters:
            ///   - name: The operator's name for it; `nil` for one that follows from the address.
            ///   - address: Where it is.
            ///   - secrets: Its secrets, the present one first.
            public init(name: String? = nil, address: WebhookAddress, secrets: [WebhookSecret]) {
                self.name = name ?? Self.name(of: address)
                self.address = address
                self.secrets = secrets
            }
        }

        /// Whether anybody can hear of anything.
        var isUsed: Bool { !secrets.isEmpty || !endpoints.isEmpty }

        /// How long a delivery may be on its way, chance included.
        var longestWay: Duration { retrySchedule.reduce(.zero) { $0 + $1 + $1 / 5 } }
    }
}

extension GatewayConfiguration.Webhooks {
    private static let mostEndpoints = 32
    private static let mostTries = 50

    /// Reads `webhooks`.
    init(_ reader: SettingsReader) {
        self.init()
        secrets = Self.secrets(reader)
        endpoints = reader.sections("endpoints").compactMap { Endpoint($0) }
        if endpoints.count > Self.mostEndpoints {
            reader.complain("endpoints", "may have at most \(Self.mostEndpoints) entries.")
        }
        if let texts = reader.texts("retry_schedule") {
            let delays = texts.compactMap { SettingsReader.duration($0) }
            if delays.count < texts.count || texts.count > Self.mostTries
                || delays.contains(where: { $0 > .seconds(604_800) })
            {
                reader.complain(
                    "retry_schedule",
                    "must be a list of at most \(Self.mostTries) durations up to 7d, such as [5s, 30s, 5m]."
                )
            }
            retrySchedule = delays
        }
        reader.close()
    }

    /// The present secret, or a list of secrets, the present one first; and the one before.
    fileprivate static func secrets(_ reader: SettingsReader) -> [WebhookSecret] {
        let texts = (reader.textOrTexts("secret") ?? []) + (reader.text("previous_secret").map { [$0] } ?? [])
        if texts.count > 4 { reader.complain("secret", "may list at most 4 secrets: every one of them signs.") }
        if reader.has("previous_secret"), !reader.has("secret") {
            reader.complain("previous_secret", "has no effect without secret.")
        }
        if reader.has("secret"), texts.isEmpty { reader.complain("secret", "may not be empty.") }
        return texts.compactMap { text in
            do throws(InvalidWebhookSecret) {
                return try WebhookSecret(Secret(text))
            } catch {
                reader.complain("secret", "\(error.message).")
                return nil
            }
        }
    }

    /// What only the whole can tell.
    func check(retention: Duration, _ mistakes: SettingsReader.Mistakes) {
        for (name, same) in Dictionary(grouping: endpoints, by: \.name).sorted(by: { $0.key < $1.key })
        where same.count > 1 {
            mistakes.add("webhooks.endpoints has two entries of the same name or URL ('\(name)').")
        }
        if isUsed, longestWay > retention {
            mistakes.add(
                "webhooks.retry_schedule goes on for longer than engine.task_retention, and a task takes its webhooks along."
            )
        }
    }
}

extension GatewayConfiguration.Webhooks.Endpoint {
    /// Reads an entry of `webhooks.endpoints`.
    init?(_ reader: SettingsReader) {
        let (name, url) = (reader.nonEmptyText("name"), reader.neededText("url"))
        if !reader.has("secret") { reader.complain("secret", "is missing.") }
        let secrets = GatewayConfiguration.Webhooks.secrets(reader)
        reader.close()
        if let name, !Self.isName(name) {
            reader.complain("name", "must be 1 to 40 of a-z, 0-9, - and _, and not 'request'.")
        }
        guard let url else { return nil }
        guard let address = WebhookAddress(url) else {
            reader.complain("url", "\(WebhookAddress.mistake(in: url) ?? "must look like https://host/path").")
            return nil
        }
        self.init(name: name, address: address, secrets: secrets)
    }

    private static func isName(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count) && text != "request"
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    /// A name that stays when endpoints are added or change places.
    fileprivate static func name(of address: WebhookAddress) -> String {
        let digest = try? Digest.hash(.sha256, [ByteBuffer(string: address.description)])
        let digits = (digest ?? []).prefix(4).map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
        return "hook-" + digits.joined()
    }
}

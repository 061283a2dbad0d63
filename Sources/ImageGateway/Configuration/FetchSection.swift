// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension GatewayConfiguration {
    /// What may be fetched for callers: the pictures they name by address.
    public struct Fetch: Sendable {
        /// The largest input picture in bytes, whether it was fetched or sent along.
        public var maxBytes = 50 << 20
        /// How long one fetch may take.
        public var timeout = Duration.seconds(30)
        /// Networks that are excepted from the guard: addresses, or blocks such as `10.1.0.0/16`.
        public var allow: [NetworkBlock] = []
    }
}

extension GatewayConfiguration.Fetch {
    /// Reads `fetch`.
    init(_ reader: SettingsReader) {
        self.init()
        maxBytes = reader.bytes("max_bytes") ?? maxBytes
        timeout = reader.duration("timeout") ?? timeout
        for text in reader.texts("allow") ?? [] {
            if let block = NetworkBlock(text) {
                allow.append(block)
            } else {
                reader.complain("allow", "must list addresses or blocks such as 10.1.0.0/16, not '\(text.prefix(60))'.")
            }
        }
        reader.close()
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Which addresses may be connected to.
///
/// By default only those that the registries of special purpose addresses leave to everybody on the Internet: what is
/// not known to be public is refused, so that a range nobody thought of is closed, not open.
public struct AddressRule: Sendable, Hashable {
    /// Whether nothing is refused: for what the operator alone names, such as a vendor on one's own network.
    public let admitsEverything: Bool
    /// Networks that are admitted besides the public ones.
    public let exceptions: [NetworkBlock]

    /// Admits public addresses only.
    public static let publicOnly = AddressRule()
    /// Admits every address.
    public static let everything = AddressRule(admitsEverything: true, exceptions: [])

    /// Admits public addresses, and the networks that the operator's configuration names.
    public init(allowing exceptions: [NetworkBlock] = []) {
        self.init(admitsEverything: false, exceptions: exceptions)
    }

    private init(admitsEverything: Bool, exceptions: [NetworkBlock]) {
        self.admitsEverything = admitsEverything
        self.exceptions = exceptions
    }

    /// Whether an address may be connected to.
    public func admits(_ address: IPAddress) -> Bool {
        if admitsEverything || exceptions.contains(where: { $0.contains(address) }) { return true }
        switch address.unmapped {
        case .v4(let value): return Self.isPublic(value)
        case .v6(let value): return Self.isPublic(value)
        }
    }

    private static func isPublic(_ address: UInt32) -> Bool {
        !special4.contains { $0.contains(.v4(address)) }
    }

    private static func isPublic(_ address: UInt128) -> Bool {
        // A translator sends this to the IPv4 address in its end.
        if nat64.contains(.v6(address)) { return isPublic(UInt32(truncatingIfNeeded: address)) }
        return unicast6.contains(.v6(address)) && !special6.contains { $0.contains(.v6(address)) }
    }

    /// What IPv4 keeps for special purposes.
    private static let special4 = [
        NetworkBlock(v4: 0x0000_0000, 8),  // this network
        NetworkBlock(v4: 0x0A00_0000, 8),  // private
        NetworkBlock(v4: 0x6440_0000, 10),  // shared by carriers (100.64)
        NetworkBlock(v4: 0x7F00_0000, 8),  // loopback
        NetworkBlock(v4: 0xA9FE_0000, 16),  // link-local, metadata services (169.254)
        NetworkBlock(v4: 0xA83F_8110, 32),  // a public number, but Azure's own services answer to it inside Azure
        NetworkBlock(v4: 0xAC10_0000, 12),  // private (172.16)
        NetworkBlock(v4: 0xC000_0000, 24),  // protocol assignments (192.0.0)
        NetworkBlock(v4: 0xC000_0200, 24),  // documentation (192.0.2)
        NetworkBlock(v4: 0xC058_6300, 24),  // 6to4 relays (192.88.99)
        NetworkBlock(v4: 0xC0A8_0000, 16),  // private (192.168)
        NetworkBlock(v4: 0xC612_0000, 15),  // benchmarks (198.18)
        NetworkBlock(v4: 0xC633_6400, 24),  // documentation (198.51.100)
        NetworkBlock(v4: 0xCB00_7100, 24),  // documentation (203.0.113)
        NetworkBlock(v4: 0xE000_0000, 4),  // multicast
        NetworkBlock(v4: 0xF000_0000, 4),  // reserved, and broadcast
    ]

    /// NAT64 by its well-known prefix, 64:ff9b::/96.
    private static let nat64 = NetworkBlock(v6: 0x0064_FF9B << 96, 96)

    /// All that IPv6 has given out for everybody, 2000::/3: loopback, local, site, link and multicast are outside.
    private static let unicast6 = NetworkBlock(v6: 0x2000 << 112, 3)

    /// What is special within that.
    private static let special6 = [
        // Teredo (2001::/32), benchmarks (2001:2::/48), ORCHID (2001:10::/28, 2001:20::/28) and all other protocols.
        NetworkBlock(v6: 0x2001_0000 << 96, 23),
        NetworkBlock(v6: 0x2001_0DB8 << 96, 32),  // documentation
        NetworkBlock(v6: 0x2002 << 112, 16),  // 6to4: leads to the IPv4 address within
        NetworkBlock(v6: 0x3FFF << 112, 20),  // documentation
    ]
}

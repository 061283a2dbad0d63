// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A range of addresses with a common beginning, such as `10.0.0.0/8`.
public struct NetworkBlock: Sendable, Hashable {
    private let base: IPAddress
    private let length: Int

    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    ///
    /// `nil` for anything else, also for a block whose address goes on behind its length (`10.0.0.1/8`): whoever writes
    /// that means either the one address or the whole block, and guessing would open the wrong one. A block of IPv4
    /// addresses mapped into IPv6 is the block of those IPv4 addresses.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(parts[0]) else { return nil }
        let width = Self.width(of: address)
        var length = width
        if parts.count == 2 {
            guard let given = Int(parts[1]), String(given) == parts[1], (0...width).contains(given) else { return nil }
            length = given
        }
        guard Self.start(of: address, length) == address else { return nil }
        let unmapped = address.unmapped
        guard unmapped == address || length >= 96 else { return nil }
        base = unmapped
        self.length = unmapped == address ? length : length - 96
    }

    init(v4 address: UInt32, _ length: Int) {
        base = .v4(address)
        self.length = length
    }

    init(v6 address: UInt128, _ length: Int) {
        base = .v6(address)
        self.length = length
    }

    /// Whether an address is in this block; one that is mapped into IPv6 is the IPv4 address it stands for.
    public func contains(_ address: IPAddress) -> Bool {
        let address = address.unmapped
        guard Self.width(of: address) == Self.width(of: base) else { return false }
        return Self.start(of: address, length) == base
    }

    private static func width(of address: IPAddress) -> Int {
        switch address {
        case .v4: 32
        case .v6: 128
        }
    }

    /// The address with everything behind the first `length` bits cleared.
    private static func start(of address: IPAddress, _ length: Int) -> IPAddress {
        switch address {
        case .v4(let value): .v4(length == 0 ? 0 : value & UInt32.max << UInt32(32 - length))
        case .v6(let value): .v6(length == 0 ? 0 : value & UInt128.max << UInt128(128 - length))
        }
    }
}

extension NetworkBlock: CustomStringConvertible {
    /// The block as it is written.
    public var description: String { "\(base)/\(length)" }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// An address of the Internet Protocol, version 4 or 6.
public enum IPAddress: Sendable, Hashable {
    /// Version 4, the first byte highest.
    case v4(UInt32)
    /// Version 6, the first byte highest.
    case v6(UInt128)

    /// Takes the four or sixteen bytes of an address in network order; `nil` for any other number of them.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self = .v6(bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: return nil
        }
    }

    /// Reads an address in its plain form: `192.0.2.1` in four decimal numbers without leading zeros, or the forms of
    /// RFC 4291 without brackets and zone.
    ///
    /// What some programs also take for an address (`127.1`, `0x7f000001`, `2130706433`) is none here.
    public init?(_ text: some StringProtocol) {
        if let address = Self.dotted(text) {
            self = .v4(address)
        } else if let address = Self.colons(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// The version 4 address of `::ffff:a.b.c.d`, which is the same place on the wire; every other address as it is.
    public var unmapped: IPAddress {
        guard case .v6(let value) = self, value >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: value))
    }

    private static func dotted(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }),
                part.count == 1 || part.first != UInt8(ascii: "0")
            else { return nil }
            let number = part.reduce(0) { $0 * 10 + UInt32($1 - 0x30) }
            guard number <= 255 else { return nil }
            address = address << 8 | number
        }
        return address
    }

    private static func colons(_ text: some StringProtocol) -> UInt128? {
        guard text.utf8.count <= 45, let (head, rest) = halves(text) else { return nil }
        guard let rest else {
            guard let groups = groups(head, isLast: true), groups.count == 8 else { return nil }
            return joined(groups)
        }
        guard let front = groups(head, isLast: false), let back = groups(rest, isLast: true),
            front.count + back.count < 8
        else { return nil }
        return joined(front + [UInt16](repeating: 0, count: 8 - front.count - back.count) + back)
    }

    /// What stands before and behind the first `::`; only the part before if there is none.
    private static func halves<Text: StringProtocol>(_ text: Text) -> (String, String?)? {
        let bytes = Array(text.utf8)
        guard bytes.contains(UInt8(ascii: ":")) else { return nil }
        let gap = bytes.indices.dropLast().first {
            bytes[$0] == UInt8(ascii: ":") && bytes[$0 + 1] == UInt8(ascii: ":")
        }
        guard let gap else { return (String(text), nil) }
        return (String(decoding: bytes[..<gap], as: UTF8.self), String(decoding: bytes[(gap + 2)...], as: UTF8.self))
    }

    private static func groups(_ text: String, isLast: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (place, part) in parts.enumerated() {
            if isLast, place == parts.count - 1, let address = dotted(part) {
                groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
                continue
            }
            // Integers are also read with a sign, which no address has.
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHex), let group = UInt16(part, radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private static func joined(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }
}

extension IPAddress: CustomStringConvertible {
    /// The address in its plain form; version 6 in eight groups without any abbreviation.
    public var description: String {
        switch self {
        case .v4(let value):
            return [24, 16, 8, 0].map { "\(value >> UInt32($0) & 0xFF)" }.joined(separator: ".")
        case .v6(let value):
            return (0..<8).map { String(value >> UInt128(112 - 16 * $0) & 0xFFFF, radix: 16) }.joined(separator: ":")
        }
    }
}

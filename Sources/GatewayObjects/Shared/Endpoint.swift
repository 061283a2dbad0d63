// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Where an object store or a public address of it answers: scheme, host, port and a path in front of everything.
struct Endpoint: Sendable, Hashable {
    let isEncrypted: Bool
    /// Lower case, an IPv6 address in brackets.
    let host: String
    /// `nil` where it is the scheme's own: the signed host and the sent one must not differ.
    let port: Int?
    /// Empty, or `/prefix` without a slash at its end.
    let path: String

    /// Reads `http` and `https` URLs; `nil` for anything with a user, a query, a fragment or escapes.
    init?(_ text: String) {
        let lowered = text.lowercased()
        guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://") else { return nil }
        isEncrypted = lowered.hasPrefix("https://")
        let rest = text.dropFirst(isEncrypted ? 8 : 7)
        let authority = rest.prefix { $0 != "/" }.lowercased()
        guard let (host, port) = Self.divide(authority), let path = Self.path(rest.dropFirst(authority.count)) else {
            return nil
        }
        self.host = host
        self.port = port == (isEncrypted ? 443 : 80) ? nil : port
        self.path = path
    }

    /// Whether the host is an address instead of a name: no bucket can stand in front of it.
    var isAddress: Bool { host.hasPrefix("[") || host.allSatisfy { $0 == "." || $0.isNumber } }

    var scheme: String { isEncrypted ? "https" : "http" }

    /// What the `Host` header says for `host` at this endpoint's port.
    func authority(of host: String) -> String { port.map { "\(host):\($0)" } ?? host }

    /// The whole URL, without a slash at its end.
    var url: String { "\(scheme)://\(authority(of: host))\(path)" }

    private static func divide(_ authority: String) -> (host: String, port: Int?)? {
        let host: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[...end]
            guard host.count > 3, host.dropFirst().dropLast().allSatisfy(isOfAddress) else { return nil }
        } else {
            host = authority.prefix { $0 != ":" }
            guard isName(host) else { return nil }
        }
        let rest = authority.dropFirst(host.count)
        guard !rest.isEmpty else { return (String(host), nil) }
        guard rest.first == ":", rest.dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let port = Int(rest.dropFirst()), (1...65_535).contains(port) else { return nil }
        return (String(host), port)
    }

    private static func isOfAddress(_ character: Character) -> Bool {
        character == ":" || character == "." || (character.isASCII && character.isHexDigit)
    }

    private static func isName(_ host: Substring) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return host.utf8.count <= 253
            && labels.allSatisfy { label in
                !label.isEmpty && label.utf8.count <= 63 && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { Escaping.isUnreserved($0) && $0 != UInt8(ascii: "~") }
            }
    }

    private static func path(_ text: Substring) -> String? {
        var parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if parts.last?.isEmpty == true { parts = parts.dropLast() }
        let arePlain = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".." && part.utf8.allSatisfy(Escaping.isUnreserved)
        }
        return arePlain ? parts.map { "/\($0)" }.joined() : nil
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A URL that somebody else supplied, taken apart strictly and put together anew.
///
/// Programs differ in how they read unusual URLs, and an attack lives in the difference. So what is unusual is refused
/// here, and the transport gets the URL only in the one form that all read alike.
struct FetchAddress: Sendable, Hashable {
    private(set) var isSecure: Bool
    private var authority: String
    private var path: String
    private var query: String

    /// The longest URL that is taken, in bytes.
    static let longest = 8192

    /// The URL as it is asked for.
    var url: String { origin + path + query }

    /// The URL for the operator's eyes: without the query, which may be a credential.
    var place: String { String((origin + path).prefix(200)) }

    private var origin: String { (isSecure ? "https://" : "http://") + authority }

    /// Reads a URL.
    ///
    /// - Parameters:
    ///   - text: What was supplied.
    ///   - rule: Where it may lead; the connection is checked again when it is made.
    init(_ text: String, rule: AddressRule) throws(FetchError) {
        guard text.utf8.count <= Self.longest else { throw Self.refusal("longer than \(Self.longest) bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw Self.refusal("white space, a control character or a backslash in it")
        }
        guard let scheme = ["https://", "http://"].first(where: { text.prefix($0.count).lowercased() == $0 }) else {
            throw Self.refusal("neither http:// nor https://")
        }
        isSecure = scheme == "https://"
        let rest = text.dropFirst(scheme.count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest.dropFirst(authority.count)
        let path = target.prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : Self.ascii(path)
        query = Self.ascii(target.dropFirst(path.count))
        self.authority = ""
        self.authority = try Self.checked(authority, rule)
    }

    /// The address that an answer with a redirect leads to.
    func following(_ location: String, rule: AddressRule) throws(FetchError) -> FetchAddress {
        let isWhole = location.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.contains(":")
        let next: FetchAddress
        if isWhole {
            next = try FetchAddress(location, rule: rule)
        } else if location.hasPrefix("//") {
            next = try FetchAddress((isSecure ? "https:" : "http:") + location, rule: rule)
        } else if location.hasPrefix("/") {
            next = try FetchAddress(origin + location, rule: rule)
        } else if location.isEmpty || location.hasPrefix("?") || location.hasPrefix("#") {
            next = try FetchAddress(origin + path + (location.hasPrefix("?") ? location : query), rule: rule)
        } else {
            let folder = path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
            let (steps, rest) = (location.prefix { $0 != "?" && $0 != "#" }, location.drop { $0 != "?" && $0 != "#" })
            next = try FetchAddress(origin + Self.withoutDots(folder + steps) + rest, rule: rule)
        }
        guard next.isSecure || !isSecure else { throw Self.refusal("a redirect from https to http") }
        return next
    }

    static func refusal(_ reason: String) -> FetchError {
        FetchError(.refused, isTemporary: false, isOpaque: true, detail: "The URL is refused: \(reason).")
    }

    // MARK: Parts

    /// What browsers send for letters outside of ASCII.
    private static func ascii(_ text: Substring) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }) else { return String(text) }
        return text.utf8.map { byte in
            guard byte >= 0x80 else { return String(UnicodeScalar(byte)) }
            return "%" + String(byte, radix: 16, uppercase: true)
        }
        .joined()
    }

    private static func withoutDots(_ path: Substring) -> String {
        var kept: [Substring] = []
        let steps = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        for (place, step) in steps.enumerated() {
            let isLast = place == steps.count - 1
            if step == ".." { kept = kept.dropLast() }
            if step != "..", step != "." { kept.append(step) } else if isLast { kept.append("") }
        }
        return "/" + kept.joined(separator: "/")
    }

    private static func checked(_ authority: Substring, _ rule: AddressRule) throws(FetchError) -> String {
        guard !authority.contains("@") else { throw refusal("credentials in it") }
        let hostEnd: Substring.Index
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        let (host, rest) = (authority[..<hostEnd].lowercased(), authority[hostEnd...])
        guard let kind = FetchHost(host) else { throw refusal("no usable host in it") }
        guard kind.mayBeTried(rule) else { throw refusal("a host that may not be connected to") }
        if rest.isEmpty { return host }
        let digits = rest.dropFirst()
        guard rest.hasPrefix(":"), (1...5).contains(digits.utf8.count), let port = UInt16(digits),
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), port > 0
        else { throw refusal("no usable port in it") }
        guard rule.admitsEverything || port == 80 || port == 443 || port >= 1024 else {
            throw refusal("a port of another service than the web")
        }
        return "\(host):\(port)"
    }
}

/// The host of a URL: an address, or a name that nobody can take for one.
enum FetchHost {
    case address(IPAddress)
    case name(String)

    /// Reads a host in lower case; `nil` for what some programs read as an address or decode further.
    init?(_ text: String) {
        if text.hasPrefix("[") {
            guard text.hasSuffix("]"), let address = IPAddress(text.dropFirst().dropLast()), case .v6 = address else {
                return nil
            }
            self = .address(address)
            return
        }
        if let address = IPAddress(text), case .v4 = address {
            self = .address(address)
            return
        }
        let name = text.hasSuffix(".") ? text.dropLast() : text[...]
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.allSatisfy(Self.isLabel), let last = labels.last, !Self.isNumber(last)
        else { return nil }
        self = .name(String(name))
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    /// No name of the Internet ends in a number; what does is an address in disguise.
    private static func isNumber(_ label: Substring) -> Bool {
        let digits = label.hasPrefix("0x") ? label.dropFirst(2) : label
        return digits.isEmpty || UInt64(digits, radix: label.hasPrefix("0x") ? 16 : 10) != nil
    }

    /// Whether it is worth a look at all; the address that is connected to decides.
    ///
    /// Names of inner networks are refused early, before anybody is asked about them, unless the operator has allowed
    /// networks in which they may be.
    func mayBeTried(_ rule: AddressRule) -> Bool {
        if rule.admitsEverything { return true }
        switch self {
        case .address(let address): return rule.admits(address)
        case .name(let name):
            guard rule.exceptions.isEmpty else { return true }
            return name.contains(".") && !Self.innerSuffixes.contains { ".\(name)".hasSuffix(".\($0)") }
        }
    }

    private static let innerSuffixes = [
        "localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "metadata.tencentyun.com",
        "rancher-metadata",
    ]
}

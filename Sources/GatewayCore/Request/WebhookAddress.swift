// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// An address that webhooks are sent to, as far as writing goes; where it leads is the fetch guard's concern.
public struct WebhookAddress: Sendable, Hashable, TextCodable {
    /// The longest address that is taken, in bytes.
    public static let longest = 2048

    /// The address as it was written.
    public let description: String
    /// Scheme, host and port in lower case.
    public let origin: String

    /// The address for the operator's eyes: without the query, which may be a credential.
    public var place: String { String(description.prefix { $0 != "?" && $0 != "#" }.prefix(200)) }

    /// Reads an address; `nil` for what ``mistake(in:)`` finds wrong.
    public init?(_ text: String) {
        guard Self.mistake(in: text) == nil, let origin = Self.origin(of: text) else { return nil }
        description = text
        self.origin = origin
    }

    /// What is wrong with an address, behind "must" or "may"; `nil` for nothing.
    public static func mistake(in text: String) -> String? {
        guard text.utf8.count <= longest else { return "may have at most \(longest) bytes" }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            return "may have no spaces, backslashes, control characters or letters outside ASCII in it; escape them"
        }
        guard let origin = origin(of: text) else { return "must look like https://host/path" }
        guard !origin.contains("@") else { return "may have no user name or password in it" }
        guard !text.contains("#") else { return "may have no fragment (#) in it" }
        return nil
    }

    private static func origin(of text: String) -> String? {
        let folded = text.lowercased()
        guard let scheme = ["https://", "http://"].first(where: folded.hasPrefix) else { return nil }
        let authority = folded.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, !authority.hasPrefix(":") else { return nil }
        return scheme + authority
    }
}

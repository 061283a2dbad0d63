// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A request in plain text, as AWS Signature Version 4 sees it by the rules of S3: escaped once, nothing normalized.
struct SigV4Request: Sendable {
    var method: String
    /// The path from its first slash on, not escaped.
    var path: String
    /// The query's names and values, not escaped.
    var query: [(name: String, value: String)] = []
    /// Every header that shall be signed, `host` among them.
    var headers: [(name: String, value: String)]

    var canonicalPath: String { path.isEmpty ? "/" : Escaping.escape(path, keepingSlashes: true) }

    /// Sorted after escaping, by name and then by value: sorting the joined text would put `a-b=1` before `a=1`.
    var canonicalQuery: String {
        query.map { (Escaping.escape($0.name), Escaping.escape($0.value)) }
            .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    /// The headers by lower-case name; several of one name in the order they came.
    private var gathered: [(name: String, values: [String])] {
        Dictionary(grouping: headers) { $0.name.lowercased() }
            .map { (name: $0.key, values: $0.value.map { Self.trimmed($0.value) }) }
            .sorted { $0.name < $1.name }
    }

    var signedHeaders: String { gathered.map(\.name).joined(separator: ";") }

    /// The text whose digest is signed.
    func canonicalText(payloadHash: String) -> String {
        let lines = gathered.map { "\($0.name):\($0.values.joined(separator: ","))\n" }.joined()
        return [method, canonicalPath, canonicalQuery, lines, signedHeaders, payloadHash].joined(separator: "\n")
    }

    private static func trimmed(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }
}

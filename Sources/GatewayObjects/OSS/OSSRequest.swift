// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A request in plain text, as the signatures of Aliyun OSS see it.
///
/// They cover the bucket and the object by their names, wherever the bucket stands in the URL.
struct OSSRequest: Sendable {
    var method: String
    /// `nil` for requests to the service itself.
    var bucket: String?
    /// The object's name, not escaped; empty for requests to the bucket.
    var key = ""
    /// The query's names and values, not escaped; a value may be empty.
    var query: [(name: String, value: String)] = []
    /// Every header that the signature may cover.
    var headers: [(name: String, value: String)] = []

    /// `/bucket/key`, not escaped.
    var resource: String { bucket.map { "/\($0)/\(key)" } ?? "/" }

    /// The first value of a header.
    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    /// The lines of the headers that `isSigned` picks by their lower-case names, in order of these.
    func headerLines(_ isSigned: (String) -> Bool) -> String {
        headers.map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
            .filter { isSigned($0.name) }
            .sorted { $0.name < $1.name }
            .map { "\($0.name):\($0.value)\n" }
            .joined()
    }

    /// What surrounds a value is no part of it, and is taken off on the way.
    private static func trimmed(_ value: String) -> Substring {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var rest = value.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}

/// A way of signing for OSS: values and a moment in, headers or a query out.
protocol OSSSigner: Sendable {
    /// Makes the headers that authorize a request.
    ///
    /// - Parameters:
    ///   - request: The request with every header that shall be signed.
    ///   - moment: The time of the signature; OSS accepts it for about 15 minutes.
    /// - Returns: What is to be sent beside the headers of the request.
    func headers(for request: OSSRequest, at moment: Timestamp) throws(ObjectError) -> [(name: String, value: String)]

    /// Makes the query that authorizes a request by its URL alone.
    ///
    /// - Parameters:
    ///   - request: The request with every header that its sender will have to send; for a link none, or `host`.
    ///   - moment: When the link's life begins.
    ///   - seconds: How long it lives.
    /// - Returns: The whole query, escaped.
    func query(for request: OSSRequest, at moment: Timestamp, seconds: Int) throws(ObjectError) -> String
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// How a bucket's objects are addressed.
public enum BucketAddressing: String, Sendable, CaseIterable {
    /// `https://bucket.host/key`.
    case virtual
    /// `https://host/bucket/key`.
    case path
    /// `https://host/key`: the host is the bucket's own, such as a custom domain.
    case domain
}

/// The host and path of a bucket's objects.
struct BucketAddress: Sendable, Hashable {
    let scheme: String
    /// What the `Host` header says.
    let authority: String
    /// What stands in front of the object's name, not escaped, with a slash at its end.
    let root: String

    /// Composes the address.
    ///
    /// A wildcard certificate covers one label only, and an address takes no label at all: there the path carries the
    /// bucket, whatever was asked.
    init(endpoint: Endpoint, bucket: String, addressing: BucketAddressing) {
        let needsPath = endpoint.isAddress || (endpoint.isEncrypted && bucket.contains("."))
        scheme = endpoint.scheme
        switch addressing {
        case .virtual where !needsPath:
            authority = endpoint.authority(of: "\(bucket).\(endpoint.host)")
            root = "\(endpoint.path)/"
        case .virtual, .path:
            authority = endpoint.authority(of: endpoint.host)
            root = "\(endpoint.path)/\(bucket)/"
        case .domain:
            authority = endpoint.authority(of: endpoint.host)
            root = "\(endpoint.path)/"
        }
    }

    /// The URL up to the object's name.
    var url: String { "\(scheme)://\(authority)\(Escaping.escape(root, keepingSlashes: true))" }
}

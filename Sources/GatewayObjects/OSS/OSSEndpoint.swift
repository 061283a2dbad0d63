// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What the host of an OSS endpoint tells: where the bucket stands, and the region.
struct OSSEndpoint: Sendable, Hashable {
    let endpoint: Endpoint
    let addressing: BucketAddressing
    /// The region in the signature, `cn-hangzhou`; `nil` where the host does not tell it.
    let region: String?
    /// Whether only machines inside Aliyun's network can reach it.
    let isInternal: Bool

    /// Reads an endpoint, `nil` if it is no usable URL.
    ///
    /// The service's own hosts take the bucket in front; a host that begins with the bucket has it already. Every other
    /// host is taken for a custom domain, which is the bucket's own.
    init?(_ text: String, bucket: String, addressing: BucketAddressing? = nil) {
        guard let endpoint = Endpoint(text) else { return nil }
        self.endpoint = endpoint
        let hasBucket = endpoint.host.hasPrefix("\(bucket).")
        let service = Service(host: hasBucket ? endpoint.host.dropFirst(bucket.count + 1) : Substring(endpoint.host))
        region = service?.region
        isInternal = service?.isInternal ?? false
        self.addressing = addressing ?? (service == nil || hasBucket ? .domain : .virtual)
    }

    /// The host's first label tells it: `oss-cn-hangzhou`, `oss-cn-hangzhou-internal`; or, for hosts with addresses of
    /// both kinds, the first before `oss`: `cn-hangzhou.oss`.
    private struct Service {
        let region: String?
        let isInternal: Bool

        init?(host: Substring) {
            let labels = host.split(separator: ".")
            guard var name = labels.first else { return nil }
            isInternal = name.hasSuffix("-internal")
            if isInternal { name = name.dropLast("-internal".count) }
            if name.hasPrefix("oss-") {
                let place = name.dropFirst("oss-".count)
                // The one host of all regions.
                region = place.hasPrefix("accelerate") ? nil : String(place)
            } else if labels.count > 2, labels[1] == "oss" {
                region = String(name)
            } else if host.hasSuffix(".aliyuncs.com") {
                region = nil
            } else {
                return nil
            }
        }
    }
}

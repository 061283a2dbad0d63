// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import NIOCore

/// A bucket of Amazon S3, or of anything that speaks its protocol.
///
/// Every call is signed anew on each try, and repeated a few times where that can help. Links are signed without
/// asking the service.
public struct S3ObjectStore: ObjectStore, LinkExplaining {
    private let bucket: RemoteBucket<S3Dialect>
    private let links: LinkRefusals

    /// Opens a bucket; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - settings: Where it is and how to sign for it.
    ///   - transport: The way to the network.
    ///   - time: The time of day in signatures, and the pauses between tries.
    ///   - report: Takes what the operator should know, a sentence each: a credentials file that went wrong.
    /// - Throws: ``ObjectError`` with `misconfigured` and all of ``S3Settings/mistakes``, or what is wrong with the
    ///   credentials file.
    public init(
        _ settings: S3Settings,
        transport: any HTTPTransport,
        time: any TimeSource = SystemTime(),
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ObjectError) {
        let mistakes = settings.mistakes
        let link = settings.publicEndpoint ?? settings.endpoint
        guard mistakes.isEmpty, let endpoint = Endpoint(settings.endpoint), let linkEndpoint = Endpoint(link) else {
            throw ObjectError(.misconfigured, isTemporary: false, mistakes.joined(separator: " "))
        }
        bucket = RemoteBucket(
            upload: BucketAddress(endpoint: endpoint, bucket: settings.bucket, addressing: settings.addressing),
            download: BucketAddress(
                endpoint: linkEndpoint,
                bucket: settings.bucket,
                addressing: settings.publicAddressing ?? settings.addressing
            ),
            folder: settings.folder,
            presentation: settings.presentation,
            dialect: try S3Dialect(settings, time: time, report: report),
            exchange: SignedExchange(transport: transport, time: time)
        )
        links = LinkRefusals(
            setting: settings.publicEndpoint == nil ? "endpoint" : "public_endpoint",
            addressing: settings.publicEndpoint == nil ? "addressing" : "public_addressing",
            permission: S3Failures.permission(.get)
        )
    }

    /// Stores an object by one PUT; the service checks the bytes against their digests before it says yes.
    public func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        try await bucket.put(object, at: key)
    }

    /// Stores an object by one PUT that is sent while its bytes come.
    ///
    /// The bytes are not known when the request is signed, so the signature covers all but them; their number is said in
    /// front, and the last of them leave only after the source has ended well. Nothing is tried again.
    public func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        try await bucket.put(object, at: key)
    }

    /// Reads an object whole, by one GET.
    public func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
        try await bucket.get(key, atMost: limit)
    }

    /// Deletes an object; an object that is not there is no error.
    public func delete(_ key: ObjectKey) async throws(ObjectError) {
        try await bucket.delete(key)
    }

    /// Presigns a GET.
    ///
    /// The URL is for GET alone: a HEAD needs a signature of its own.
    public func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        try bucket.link(to: key, signedAt: signedAt, lifetime: lifetime)
    }

    /// What is wrong with the answer to a link.
    package func explanation(of answer: TransportResponse, asked: Timestamp) -> ObjectError? {
        guard let failure = bucket.dialect.failure(in: answer, to: .get, signedAt: asked) else { return nil }
        if case .otherClock = failure.remedy { return failure.error }
        let document = ErrorDocument(answer.body)
        return links.refusal(answer.status, document.code ?? "", region: document.region) ?? failure.error
    }
}

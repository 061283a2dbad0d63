// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
public import NIOCore

/// A bucket of Amazon S3, or of anything that speaks its protocol.
///
/// Every call is signed anew on each try, and repeated a few times where that can help. Links are signed without
/// asking the service.
public struct S3ObjectStore: ObjectStore, LinkExplaining {
    private let upload: BucketAddress
    private let download: BucketAddress
    private let folder: String
    private let signers: S3Signers
    private let presentation: LinkPresentation
    private let options: [(name: String, value: String)]
    private let exchange: SignedExchange
    private let failures: S3Failures

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
        upload = BucketAddress(endpoint: endpoint, bucket: settings.bucket, addressing: settings.addressing)
        download = BucketAddress(
            endpoint: linkEndpoint,
            bucket: settings.bucket,
            addressing: settings.publicAddressing ?? settings.addressing
        )
        folder = settings.folder
        signers = try S3Signers(settings, time: time, report: report)
        presentation = settings.presentation
        options = settings.options.headers
        exchange = SignedExchange(transport: transport, time: time)
        failures = S3Failures(region: settings.region)
    }

    /// Stores an object by one PUT; the service checks the bytes against their digests before it says yes.
    public func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        // Tens of milliseconds for a large picture: too long for a thread that all tasks share.
        let (payload, checksum) = try await FileThreads.run { () throws(ObjectError) in
            (try Digest.hash(.sha256, object.buffers), try Digest.hash(.md5, object.buffers))
        }
        let headers = [("content-type", object.contentType), ("content-md5", Digest.base64(checksum))] + options
        try await exchange.run { (moment) throws(ObjectError) in
            var request = try signed(.put, key, headers: headers, payloadHash: Digest.hex(payload), at: moment)
            request.body = .bytes(object.buffers)
            request.limits = Self.limits(sending: object.length)
            return request
        } judge: { answer, moment in
            failures.failure(in: answer, to: .put, signedAt: moment)
        }
    }

    /// Stores an object by one PUT that is sent while its bytes come.
    ///
    /// The bytes are not known when the request is signed, so the signature covers all but them; their number is said in
    /// front, and the last of them leave only after the source has ended well. Nothing is tried again.
    public func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        let source = WatchedSource(object.chunks)
        guard object.length > 0 else {
            // A body of no bytes is asked nothing: whether the source has some must be seen here.
            guard try await source.isEmpty() else { throw WatchedSource.wrongLength }
            return try await put(ObjectBody(contentType: object.contentType, buffers: []), at: key)
        }
        do throws(ObjectError) {
            try await exchange.runOnce { (moment) throws(ObjectError) in
                let headers = [("content-type", object.contentType)] + options
                var request = try signed(.put, key, headers: headers, payloadHash: "UNSIGNED-PAYLOAD", at: moment)
                request.body = .stream(length: object.length, source.chunks)
                request.limits = Self.limits(sending: object.length)
                request.isRepeatable = false
                return request
            } judge: { answer, moment in
                failures.failure(in: answer, to: .put, signedAt: moment)
            }
        } catch {
            var error = error
            if error.code == .incomplete { error.cause = source.failure ?? error.cause }
            throw error
        }
    }

    /// Reads an object whole, by one GET.
    public func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
        let empty = Digest.hex(try Digest.hash(.sha256, []))
        let missing = ObjectError(.notFound, isTemporary: false, "The object is not there, or too large.")
        let answer: TransportResponse
        do throws(ObjectError) {
            answer = try await exchange.run { (moment) throws(ObjectError) in
                var request = try signed(.get, key, headers: [], payloadHash: empty, at: moment)
                request.limits = Self.limits(sending: limit)
                // Room for an error's document, however small the object.
                request.limits.responseBytes = max(limit, ErrorDocument.limit)
                return request
            } judge: { answer, moment in
                failures.failure(in: answer, to: .get, signedAt: moment)
            }
        } catch {
            if let cause = error.cause as? TransportError, cause.code == .tooLarge { throw missing }
            throw error
        }
        guard answer.body.readableBytes <= limit else { throw missing }
        return answer.body
    }

    /// Deletes an object; an object that is not there is no error.
    public func delete(_ key: ObjectKey) async throws(ObjectError) {
        let empty = Digest.hex(try Digest.hash(.sha256, []))
        try await exchange.run { (moment) throws(ObjectError) in
            try signed(.delete, key, headers: [], payloadHash: empty, at: moment)
        } judge: { answer, moment in
            failures.failure(in: answer, to: .delete, signedAt: moment)
        }
    }

    /// Presigns a GET.
    ///
    /// The URL is for GET alone: a HEAD needs a signature of its own.
    public func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        guard lifetime >= .seconds(1), lifetime <= S3Settings.longestLink else {
            throw ObjectError(.misconfigured, isTemporary: false, "A link can live from 1 second to 7 days.")
        }
        let request = SigV4Request(
            method: "GET",
            path: download.root + folder + key.description,
            query: presentation.parameters(for: key),
            headers: [("host", download.authority)]
        )
        let query = try signers.current.query(for: request, at: signedAt, seconds: Int(lifetime.components.seconds))
        return "\(download.url)\(Escaping.escape(folder, keepingSlashes: true))\(key)?\(query)"
    }

    /// What is wrong with the answer to a link.
    package func explanation(of answer: TransportResponse, asked: Timestamp) -> ObjectError? {
        failures.failure(in: answer, to: .get, signedAt: asked)?.error
    }

    private func signed(
        _ method: HTTPRequest.Method,
        _ key: ObjectKey,
        headers: [(name: String, value: String)],
        payloadHash: String,
        at moment: Timestamp
    ) throws(ObjectError) -> TransportRequest {
        let request = SigV4Request(
            method: method.rawValue,
            path: upload.root + folder + key.description,
            headers: headers + [("host", upload.authority)]
        )
        var fields = HTTPFields()
        for (name, value) in headers + (try signers.current.headers(for: request, payloadHash: payloadHash, at: moment))
        {
            guard let name = HTTPField.Name(name) else { continue }
            fields[name] = value
        }
        return TransportRequest(
            method,
            "\(upload.url)\(Escaping.escape(folder, keepingSlashes: true))\(key)",
            headers: fields,
            limits: Self.limits(sending: 0),
            isRepeatable: true
        )
    }

    /// The answer's first byte comes after the last byte sent, so a large body needs more time for it.
    private static func limits(sending length: Int) -> TransportLimits {
        // No object is so large that it takes longer than a day, and a limit may be anything.
        let total = Duration.seconds(60) + .seconds(min(length / (256 << 10), 86_400))
        return TransportLimits(firstByte: total, total: total, responseBytes: 1 << 20)
    }
}

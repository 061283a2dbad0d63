// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// What is done with an object, or with a link to it.
enum BucketOperation: Sendable {
    case put, get, delete
}

/// What is known of an object in memory before it is sent.
struct BodyDigests: Sendable {
    /// The MD5, which both kinds of service compare with what arrives if it is sent.
    var md5: [UInt8]?
    /// The SHA-256 in hexadecimal, where a signature covers the bytes.
    var payloadHash: String?
    /// The CRC-64, where the service tells its own.
    var checksum: UInt64?
}

/// What sets one kind of service apart: how it is signed for, and what its answers mean.
protocol BucketDialect: Sendable {
    /// What is sent with every upload besides.
    var uploadHeaders: [(name: String, value: String)] { get }
    /// Whether the service tells the CRC-64 of what it has stored.
    var tellsChecksum: Bool { get }

    /// Computes what a request with these bytes needs.
    func digests(of buffers: [ByteBuffer]) throws(ObjectError) -> BodyDigests

    /// Makes the headers that authorize a request.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - place: The host and where the object is.
    ///   - headers: What is sent besides.
    ///   - payloadHash: The SHA-256 of the body; `nil` for a body that is not known yet.
    ///   - moment: The time of the signature.
    func authorization(
        _ method: String,
        _ place: ObjectPlace,
        headers: [(name: String, value: String)],
        payloadHash: String?,
        at moment: Timestamp
    ) throws(ObjectError) -> [(name: String, value: String)]

    /// Makes the query that lets whoever has it get an object.
    func linkQuery(
        _ place: ObjectPlace,
        parameters: [(name: String, value: String)],
        at moment: Timestamp,
        seconds: Int
    ) throws(ObjectError) -> String

    /// What is wrong with an answer; `nil` if it is the success.
    func failure(
        in answer: TransportResponse,
        to operation: BucketOperation,
        signedAt: Timestamp
    ) -> RemoteFailure?
}

/// Where an object is: an address, and its name there with the folder in front.
struct ObjectPlace: Sendable {
    let address: BucketAddress
    /// Not escaped.
    let name: String

    var url: String { address.url + Escaping.escape(name, keepingSlashes: true) }
}

/// A bucket behind a network: everything that does not depend on the kind of its service.
///
/// Every call is signed anew on each try, and repeated a few times where that can help. Links are signed without
/// asking the service.
struct RemoteBucket<Dialect: BucketDialect>: Sendable {
    let upload: BucketAddress
    let download: BucketAddress
    let folder: String
    let presentation: LinkPresentation
    let dialect: Dialect
    let exchange: SignedExchange

    /// Stores an object by one PUT; the service checks the bytes against their digest before it says yes.
    func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        let digests = try await digests(of: object)
        var headers = [("content-type", object.contentType)]
        if let md5 = digests.md5 { headers.append(("content-md5", Digest.base64(md5))) }
        let sent = headers + dialect.uploadHeaders
        try await exchange.run { (moment) throws(ObjectError) in
            var request = try signed(
                .put,
                key,
                headers: sent,
                payloadHash: digests.payloadHash,
                at: moment
            )
            request.body = .bytes(object.buffers)
            request.limits = .moving(object.length)
            return request
        } judge: { answer, moment in
            dialect.failure(in: answer, to: .put, signedAt: moment) ?? damage(in: answer, digests.checksum)
        }
    }

    /// Computes what is known of an object before it is sent.
    ///
    /// Tens of milliseconds for a large picture: too long for a thread that all tasks share. A small one takes no longer
    /// than the way to another thread and back.
    private func digests(of object: ObjectBody) async throws(ObjectError) -> BodyDigests {
        guard object.length > 128 << 10 else { return try dialect.digests(of: object.buffers) }
        return try await FileThreads.run { () throws(ObjectError) in try dialect.digests(of: object.buffers) }
    }

    /// Stores an object by one PUT that is sent while its bytes come.
    ///
    /// Their number is said in front, and the last of them leave only after the source has ended well. No signature
    /// covers them, because they are not known when it is made. Nothing is tried again.
    func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        let source = WatchedSource(object.chunks, isSummed: dialect.tellsChecksum)
        guard object.length > 0 else {
            // A body of no bytes is asked nothing: whether the source has some must be seen here.
            guard try await source.isEmpty() else { throw WatchedSource.wrongLength }
            return try await put(ObjectBody(contentType: object.contentType, buffers: []), at: key)
        }
        do throws(ObjectError) {
            try await exchange.runOnce { (moment) throws(ObjectError) in
                let headers = [("content-type", object.contentType)] + dialect.uploadHeaders
                var request = try signed(.put, key, headers: headers, payloadHash: nil, at: moment)
                request.body = .stream(length: object.length, source.chunks)
                request.limits = .moving(object.length)
                request.isRepeatable = false
                return request
            } judge: { answer, moment in
                dialect.failure(in: answer, to: .put, signedAt: moment) ?? damage(in: answer, source.checksum)
            }
        } catch {
            var error = error
            if error.code == .incomplete { error.cause = source.failure ?? error.cause }
            throw error
        }
    }

    /// Reads an object whole, by one GET.
    func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer {
        let nothing = try dialect.digests(of: [])
        let missing = ObjectError(.notFound, isTemporary: false, "The object is not there, or too large.")
        let answer: TransportResponse
        do throws(ObjectError) {
            answer = try await exchange.run { (moment) throws(ObjectError) in
                var request = try signed(.get, key, headers: [], payloadHash: nothing.payloadHash, at: moment)
                request.limits = .moving(limit)
                // Room for an error's document, however small the object.
                request.limits.responseBytes = max(limit, ErrorDocument.limit)
                return request
            } judge: { answer, moment in
                dialect.failure(in: answer, to: .get, signedAt: moment)
            }
        } catch {
            if let cause = error.cause as? TransportError, cause.code == .tooLarge { throw missing }
            throw error
        }
        guard answer.body.readableBytes <= limit else { throw missing }
        return answer.body
    }

    /// Deletes an object; an object that is not there is no error.
    func delete(_ key: ObjectKey) async throws(ObjectError) {
        let nothing = try dialect.digests(of: [])
        try await exchange.run { (moment) throws(ObjectError) in
            try signed(.delete, key, headers: [], payloadHash: nothing.payloadHash, at: moment)
        } judge: { answer, moment in
            dialect.failure(in: answer, to: .delete, signedAt: moment)
        }
    }

    /// Presigns a GET.
    func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        guard lifetime >= .seconds(1), lifetime <= BucketLimits.longestLink else {
            throw ObjectError(.misconfigured, isTemporary: false, "A link can live from 1 second to 7 days.")
        }
        let place = ObjectPlace(address: download, name: folder + key.description)
        let query = try dialect.linkQuery(
            place,
            parameters: presentation.parameters(for: key),
            at: signedAt,
            seconds: Int(lifetime.components.seconds)
        )
        return "\(place.url)?\(query)"
    }

    private func signed(
        _ method: HTTPRequest.Method,
        _ key: ObjectKey,
        headers: [(name: String, value: String)],
        payloadHash: String?,
        at moment: Timestamp
    ) throws(ObjectError) -> TransportRequest {
        let place = ObjectPlace(address: upload, name: folder + key.description)
        let added = try dialect.authorization(
            method.rawValue,
            place,
            headers: headers,
            payloadHash: payloadHash,
            at: moment
        )
        var fields = HTTPFields()
        for (name, value) in headers + added {
            guard let name = HTTPField.Name(name) else { continue }
            fields[name] = value
        }
        return TransportRequest(method, place.url, headers: fields, limits: .moving(0), isRepeatable: true)
    }

    /// Whether the service has stored other bytes than were sent; one that tells no sum is believed.
    private func damage(in answer: TransportResponse, _ checksum: UInt64?) -> RemoteFailure? {
        guard let checksum, let theirs = CRC64.told(by: answer), theirs != checksum else { return nil }
        return RemoteFailure(
            error: ObjectError(
                .unavailable,
                isTemporary: true,
                "The storage has received other bytes than were sent: its checksum of the object differs."
            ),
            remedy: .repetition
        )
    }
}

extension TransportLimits {
    /// The answer's first byte comes after the last byte sent, so a large body needs more time for it.
    fileprivate static func moving(_ length: Int) -> TransportLimits {
        // No object is so large that it takes longer than a day, and a limit may be anything.
        let total = Duration.seconds(60) + .seconds(min(length / (256 << 10), 86_400))
        return TransportLimits(firstByte: total, total: total, responseBytes: 1 << 20)
    }
}

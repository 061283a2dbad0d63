// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
public import NIOCore

/// A bucket of Aliyun OSS, by OSS's own signatures.
///
/// Every call is signed anew on each try, and repeated a few times where that can help. Links are signed without
/// asking the service.
public struct OSSObjectStore: ObjectStore {
    private let upload: BucketAddress
    private let download: BucketAddress
    private let bucket: String
    private let folder: String
    private let isTemporary: Bool
    private let signer: any OSSSigner
    private let exchange: SignedExchange
    private let failures: OSSFailures

    /// Opens a bucket; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - settings: Where it is and how to sign for it.
    ///   - transport: The way to the network.
    ///   - time: The time of day in signatures, and the pauses between tries.
    /// - Throws: ``ObjectError`` with `misconfigured` and all of ``OSSSettings/mistakes``.
    public init(
        _ settings: OSSSettings,
        transport: any HTTPTransport,
        time: any TimeSource = SystemTime()
    ) throws(ObjectError) {
        let mistakes = settings.mistakes
        guard mistakes.isEmpty, let upload = settings.upload, let download = settings.download else {
            throw ObjectError(.misconfigured, isTemporary: false, mistakes.joined(separator: " "))
        }
        bucket = settings.bucket
        folder = settings.folder
        isTemporary = settings.sessionToken != nil
        self.upload = BucketAddress(endpoint: upload.endpoint, bucket: bucket, addressing: upload.addressing)
        self.download = BucketAddress(endpoint: download.endpoint, bucket: bucket, addressing: download.addressing)
        let region = settings.signedRegion ?? ""
        signer = Self.signer(settings, region: region)
        exchange = SignedExchange(transport: transport, time: time)
        failures = OSSFailures(region: region)
    }

    private static func signer(_ settings: OSSSettings, region: String) -> any OSSSigner {
        switch settings.signature {
        case .v1:
            OSSV1Signer(
                accessKeyID: settings.accessKeyID,
                secretAccessKey: settings.secretAccessKey,
                sessionToken: settings.sessionToken
            )
        case .v4:
            OSSV4Signer(
                accessKeyID: settings.accessKeyID,
                secretAccessKey: settings.secretAccessKey,
                sessionToken: settings.sessionToken,
                region: region,
                additionalHeaders: settings.signsHost ? ["host"] : []
            )
        }
    }

    /// Stores an object by one PUT; OSS checks the bytes against their digest before it says yes.
    public func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError) {
        // Tens of milliseconds for a large picture: too long for a thread that all tasks share.
        let checksum = try await FileThreads.run { () throws(ObjectError) in
            try Digest.hash(.md5, object.buffers)
        }
        let headers = [("content-type", object.contentType), ("content-md5", Digest.base64(checksum))]
        try await exchange.run { (moment) throws(ObjectError) in
            var request = try signed(.put, key, headers: headers, at: moment)
            request.body = .bytes(object.buffers)
            request.limits = Self.limits(moving: object.length)
            return request
        } judge: { answer, moment in
            failures.failure(in: answer, to: .put, signedAt: moment)
        }
    }

    /// Stores an object by one PUT that is sent while its bytes come.
    ///
    /// Their number is said in front, and the last of them leave only after the source has ended well. Nothing is tried
    /// again.
    public func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError) {
        let source = WatchedSource(object.chunks)
        guard object.length > 0 else {
            // A body of no bytes is asked nothing: whether the source has some must be seen here.
            guard try await source.isEmpty() else { throw WatchedSource.wrongLength }
            return try await put(ObjectBody(contentType: object.contentType, buffers: []), at: key)
        }
        do throws(ObjectError) {
            try await exchange.runOnce { (moment) throws(ObjectError) in
                var request = try signed(.put, key, headers: [("content-type", object.contentType)], at: moment)
                request.body = .stream(length: object.length, source.chunks)
                request.limits = Self.limits(moving: object.length)
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
        let missing = ObjectError(.notFound, isTemporary: false, "The object is not there, or too large.")
        let answer: TransportResponse
        do throws(ObjectError) {
            answer = try await exchange.run { (moment) throws(ObjectError) in
                var request = try signed(.get, key, headers: [], at: moment)
                request.limits = Self.limits(moving: limit)
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
        try await exchange.run { (moment) throws(ObjectError) in
            try signed(.delete, key, headers: [], at: moment)
        } judge: { answer, moment in
            failures.failure(in: answer, to: .delete, signedAt: moment)
        }
    }

    /// Presigns a GET.
    ///
    /// The URL is for GET alone: a HEAD needs a signature of its own. A `Content-Type` sent with the GET breaks it.
    public func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String {
        let longest = isTemporary ? OSSSettings.longestSession : OSSSettings.longestLink
        guard lifetime >= .seconds(1), lifetime <= longest else {
            let range = isTemporary ? "12 hours with a session token" : "7 days"
            throw ObjectError(.misconfigured, isTemporary: false, "A link can live from 1 second to \(range).")
        }
        let request = OSSRequest(
            method: "GET",
            bucket: bucket,
            key: folder + key.description,
            headers: [("host", download.authority)]
        )
        let query = try signer.query(for: request, at: signedAt, seconds: Int(lifetime.components.seconds))
        return "\(download.url)\(Escaping.escape(folder, keepingSlashes: true))\(key)?\(query)"
    }

    private func signed(
        _ method: HTTPRequest.Method,
        _ key: ObjectKey,
        headers: [(name: String, value: String)],
        at moment: Timestamp
    ) throws(ObjectError) -> TransportRequest {
        let request = OSSRequest(
            method: method.rawValue,
            bucket: bucket,
            key: folder + key.description,
            headers: headers + [("host", upload.authority)]
        )
        var fields = HTTPFields()
        for (name, value) in headers + (try signer.headers(for: request, at: moment)) {
            guard let name = HTTPField.Name(name) else { continue }
            fields[name] = value
        }
        return TransportRequest(
            method,
            "\(upload.url)\(Escaping.escape(folder, keepingSlashes: true))\(key)",
            headers: fields,
            limits: Self.limits(moving: 0),
            isRepeatable: true
        )
    }

    /// The answer's first byte comes after the last byte sent, so a large body needs more time for it.
    private static func limits(moving length: Int) -> TransportLimits {
        // No object is so large that it takes longer than a day, and a limit may be anything.
        let total = Duration.seconds(60) + .seconds(min(length / (256 << 10), 86_400))
        return TransportLimits(firstByte: total, total: total, responseBytes: 1 << 20)
    }
}

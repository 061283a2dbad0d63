// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import HTTPTypes
public import NIOCore
import Synchronization

/// Opens URLs that callers or vendors supply.
///
/// It sends a plain GET without credentials, cookies or anything else that tells who asks, follows redirects itself and
/// looks at each, bounds bytes and time, and never tries again. Where a connection may go is decided by the transport, at
/// the moment it is made; the guard refuses early what is refused anyway.
public struct FetchGuard: Sendable {
    private let transport: any HTTPTransport
    private let rule: AddressRule
    private let limits: FetchLimits
    private let time: any TimeSource

    /// Creates a guard.
    ///
    /// - Parameters:
    ///   - transport: The way to the network, which keeps the same rule; nobody else's credentials go through it.
    ///   - rule: Which addresses may be connected to.
    ///   - limits: What one fetch may cost.
    ///   - time: The clock by which all hops of a fetch together have one time limit.
    public init(
        transport: any HTTPTransport,
        rule: AddressRule = .publicOnly,
        limits: FetchLimits = FetchLimits(),
        time: any TimeSource = SystemTime()
    ) {
        self.transport = transport
        self.rule = rule
        self.limits = limits
        self.time = time
    }

    /// Opens a URL and gives what it leads to as it comes.
    ///
    /// Reading throws ``FetchError`` as well: more bytes than allowed, a body that breaks off, a limit of time. Dropping
    /// what was opened ends the exchange.
    ///
    /// - Parameter url: The URL as it was supplied.
    public func open(_ url: String) async throws(FetchError) -> Fetched {
        var address = try FetchAddress(url, rule: rule)
        let startedAt = time.now
        for _ in 0...limits.redirects {
            let left = min(limits.total, limits.total - startedAt.duration(to: time.now))
            guard left > .zero else {
                throw FetchError(
                    .timedOut,
                    isTemporary: true,
                    isOpaque: true,
                    detail: "GET \(address.place): too slow."
                )
            }
            let answer = try await ask(address, within: left)
            guard let location = Self.redirect(in: answer) else { return try fetched(answer, from: address) }
            address = try address.following(location, rule: rule)
        }
        throw FetchAddress.refusal("more than \(limits.redirects) redirects")
    }

    /// Fetches a picture whole.
    ///
    /// Its bytes are charged to the account of the current task's work.
    ///
    /// - Parameters:
    ///   - url: The URL as it was supplied.
    ///   - limit: How many bytes it may have, if that is fewer than the guard's own limit.
    public func picture(_ url: String, atMost limit: Int) async throws(FetchError) -> ByteBuffer {
        let picture = try await PictureStream(try await open(url), atMost: limit)
        var bytes = ByteBuffer()
        do {
            for try await chunk in picture.chunks {
                ByteBudget.Account.current?.charge(chunk.readableBytes)
                bytes.writeImmutableBuffer(chunk)
            }
        } catch {
            throw error as? FetchError ?? FetchError(error, reading: "a picture")
        }
        return bytes
    }

    private func ask(_ address: FetchAddress, within left: Duration) async throws(FetchError) -> TransportStream {
        let request = TransportRequest(
            .get,
            address.url,
            headers: [.accept: "image/*", .acceptEncoding: "identity", .userAgent: "ImageGateway"],
            limits: TransportLimits(
                connect: min(left, limits.connect),
                firstByte: min(left, limits.firstByte),
                total: left,
                stall: limits.stall,
                // Counted here, where the status is known: what an error page says about its length does not matter.
                responseBytes: .max
            ),
            // Only for a kept connection that turns out to be dead; reading twice does no harm.
            isRepeatable: true
        )
        do throws(TransportError) {
            return try await transport.open(request)
        } catch {
            throw FetchError(error, opening: address.place)
        }
    }

    private static func redirect(in answer: TransportStream) -> String? {
        guard [301, 302, 303, 307, 308].contains(answer.status) else { return nil }
        return answer.headers[.location]
    }

    private func fetched(_ answer: TransportStream, from address: FetchAddress) throws(FetchError) -> Fetched {
        guard answer.status == 200 || answer.status == 203 else {
            throw FetchError(status: answer.status, from: address.place)
        }
        let (limit, place) = (limits.bytes, address.place)
        if let length = answer.length, length > limit { throw FetchError.tooLarge(limit, place) }
        let count = Mutex(0)
        let body = answer.body
        let chunks = TransportChunks {
            let chunk: ByteBuffer?
            do {
                var iterator = body.makeAsyncIterator()
                chunk = try await iterator.next()
            } catch {
                throw FetchError(error, reading: place)
            }
            let sum = count.withLock { count in
                count += chunk?.readableBytes ?? 0
                return count
            }
            guard sum <= limit else { throw FetchError.tooLarge(limit, place) }
            guard chunk != nil || sum == answer.length ?? sum else {
                throw FetchError(.ended, isTemporary: true, detail: "GET \(place): fewer bytes than announced.")
            }
            return chunk
        }
        return Fetched(length: answer.length, contentType: answer.headers[.contentType], place: place, chunks: chunks)
    }
}

/// What one fetch may cost.
public struct FetchLimits: Sendable, Hashable {
    /// The most bytes that are read.
    public var bytes: Int
    /// From the start to the last byte, redirects included.
    public var total: Duration
    /// From the start of a hop to its connection.
    public var connect: Duration
    /// From the start of a hop to its answer.
    public var firstByte: Duration
    /// The longest silence of a body.
    public var stall: Duration
    /// How many redirects are followed.
    public var redirects: Int

    /// Creates limits.
    public init(
        bytes: Int = 50 << 20,
        total: Duration = .seconds(30),
        connect: Duration = .seconds(10),
        firstByte: Duration = .seconds(20),
        stall: Duration = .seconds(10),
        redirects: Int = 5
    ) {
        self.bytes = bytes
        self.total = total
        self.connect = connect
        self.firstByte = firstByte
        self.stall = stall
        self.redirects = redirects
    }
}

/// What an opened URL gives.
public struct Fetched: Sendable {
    /// Its length in bytes, if the server told.
    public let length: Int?
    /// What the server says it is; the bytes decide.
    public let contentType: String?
    /// Where it comes from, for the operator: without the query.
    public let place: String
    /// The bytes, to be read once, bounded by the guard's limits.
    public let chunks: TransportChunks
}

extension FetchError {
    static func tooLarge(_ limit: Int, _ place: String) -> FetchError {
        FetchError(.tooLarge, isTemporary: false, detail: "GET \(place): more than \(limit) bytes.")
    }
}

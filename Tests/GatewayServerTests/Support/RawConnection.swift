// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import HTTPTypes
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A socket without a client's manners: sends any bytes, hangs up when it likes.
final class RawConnection: Sendable {
    /// What the other side did with the connection.
    struct Ended: Error {}

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "raw connection")
    private let received = Mutex(ByteBuffer())

    /// Connects to this machine; nothing on the other side may take longer than `patience` seconds.
    init(port: Int, patience: Int = 20) throws {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo("localhost", String(port), &hints, &found) == 0 else { throw Ended() }
        defer { freeaddrinfo(found) }
        var connected: Int32 = -1
        for address in sequence(first: found, next: { $0?.pointee.ai_next }) {
            guard let address = address?.pointee, connected < 0 else { break }
            let candidate = socket(address.ai_family, address.ai_socktype, 0)
            if connect(candidate, address.ai_addr, address.ai_addrlen) == 0 {
                connected = candidate
            } else {
                close(candidate)
            }
        }
        guard connected >= 0 else { throw Ended() }
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(connected, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(connected, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        descriptor = connected
    }

    deinit { close(descriptor) }

    /// Sends a text.
    func send(_ text: String) async throws {
        guard await write([UInt8](text.utf8)) else { throw Ended() }
    }

    /// Sends zeros until the other side takes no more, or `limit` bytes were taken.
    ///
    /// - Returns: How many bytes the other side, and the buffers between, took.
    func flood(atMost limit: Int, chunked: Bool = false) async -> Int {
        let piece = 1 << 16
        let frame = chunked ? [UInt8]("10000\r\n".utf8) : []
        let block = frame + [UInt8](repeating: 0x20, count: piece) + (chunked ? [UInt8]("\r\n".utf8) : [])
        var taken = 0
        while taken < limit, await write(block) { taken += piece }
        return taken
    }

    /// Sends the end of everything, as a caller does that goes away.
    func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Whether the other side ends the connection, without another byte.
    func isEnded() async -> Bool {
        if received.withLock({ $0.readableBytes }) > 0 { return false }
        let count = await read()
        return count <= 0 && count != Self.silence
    }

    /// Reads one answer.
    func answer() async throws -> Answer { try await answer(hasBody: true) }

    /// Reads the answer to HEAD, whose length is not that of a body.
    func headAnswer() async throws -> Answer { try await answer(hasBody: false) }

    private func answer(hasBody: Bool) async throws -> Answer {
        var head: [Substring]?
        while head == nil {
            head = received.withLock { buffer in
                guard let end = buffer.readableBytesView.firstRange(of: [13, 10, 13, 10]) else { return nil }
                let length = end.lowerBound - buffer.readerIndex
                let text = buffer.readString(length: length) ?? ""
                buffer.moveReaderIndex(forwardBy: 4)
                return text.split(separator: "\r\n")
            }
            if head == nil, await read() <= 0 { throw Ended() }
        }
        let lines = head ?? []
        var fields = HTTPFields()
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { continue }
            fields[name] = String(parts[1].drop { $0 == " " })
        }
        let length = hasBody ? fields[.contentLength].flatMap { Int($0) } ?? 0 : 0
        while received.withLock({ $0.readableBytes }) < length {
            if await read() <= 0 { throw Ended() }
        }
        let body = received.withLock { $0.readSlice(length: length) } ?? ByteBuffer()
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return Answer(status: status, headers: fields, body: body)
    }

    private func write(_ bytes: [UInt8]) async -> Bool {
        await blocking { [descriptor] in
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Self.plainSend(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }
    }

    private static func plainSend(_ socket: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ flags: Int32) -> Int {
        #if canImport(Glibc)
            Glibc.send(socket, bytes, count, flags)
        #else
            Darwin.send(socket, bytes, count, flags)
        #endif
    }

    /// What ``read()`` gives when the other side neither spoke nor ended within the patience.
    private static let silence = -2

    private func read() async -> Int {
        await blocking { [descriptor, self] in
            var block = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor, &block, block.count, 0)
            if count < 0, errno == EAGAIN { return Self.silence }
            if count > 0 { _ = received.withLock { $0.writeBytes(block[..<count]) } }
            return count
        }
    }

    private func blocking<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }
}

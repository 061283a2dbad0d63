// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Why a script could not go on.
enum PeerFailure: Error {
    case gone
    case timedOut
    case system(String)
}

/// A request as its bytes came.
struct SeenRequest: Sendable {
    var head: String
    var body: [UInt8] = []

    private var lines: [String] { head.components(between: "\r\n") }

    /// The first line.
    var line: String { lines[0] }

    /// The headers in their order, names in lower case.
    var headers: [(name: String, value: String)] {
        lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
    }

    /// All values of a header.
    func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
}

extension String {
    fileprivate func components(between separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: true).map(String.init)
    }
}

/// The server's side of one connection, used by its script's thread only, save for ``interrupt()``.
final class Peer: Sendable {
    /// Which connection of the server it is, from zero.
    let number: Int
    private let socket: Int32
    private let isClosed = Mutex(false)
    private let unread = Mutex<[UInt8]>([])
    private let acceptedBytes = Mutex(0)
    private let note: @Sendable (SeenRequest) -> Void

    init(number: Int, socket: Int32, note: @escaping @Sendable (SeenRequest) -> Void) {
        self.number = number
        self.socket = socket
        self.note = note
    }

    /// How many bytes of answers the system has taken so far.
    var sentBytes: Int { acceptedBytes.withLock(\.self) }

    // MARK: Reading

    /// The next request with its whole body, noted by the server; `nil` when the client has closed the connection.
    func request() throws -> SeenRequest? {
        guard var request = try head() else { return nil }
        let length = request.values("content-length").first.flatMap { Int($0) } ?? 0
        request.body = try bytes(length)
        note(request)
        return request
    }

    /// The next request's head alone.
    func head() throws -> SeenRequest? {
        var bytes = unread.withLock { $0 }
        while true {
            if let end = Self.endOfHead(in: bytes) {
                unread.withLock { $0 = Array(bytes[end...]) }
                return SeenRequest(head: String(decoding: bytes[..<end], as: UTF8.self))
            }
            let more = try receive()
            guard !more.isEmpty else { return nil }
            bytes += more
        }
    }

    /// Exactly so many bytes.
    func bytes(_ count: Int) throws -> [UInt8] {
        var bytes = unread.withLock { $0 }
        while bytes.count < count {
            let more = try receive()
            guard !more.isEmpty else { throw PeerFailure.gone }
            bytes += more
        }
        unread.withLock { $0 = Array(bytes[count...]) }
        return Array(bytes[..<count])
    }

    /// Reads until the client has closed the connection.
    func untilClosed() {
        while let more = try? receive(), !more.isEmpty {}
    }

    private func receive() throws -> [UInt8] {
        var received = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, count in
            received = recv(socket, buffer.baseAddress, buffer.count, 0)
            count = max(0, received)
        }
        guard received >= 0 else { throw PeerFailure.gone }
        return bytes
    }

    private static func endOfHead(in bytes: [UInt8]) -> Int? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard bytes.count >= 4 else { return nil }
        return (0...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual(end) }.map { $0 + 4 }
    }

    // MARK: Writing

    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    func write(_ bytes: [UInt8]) throws {
        var place = 0
        while place < bytes.count {
            // In slices: the system would return only when it has taken all.
            let slice = min(bytes.count - place, 1 << 16)
            let count = bytes.withUnsafeBytes { buffer in
                send(socket, buffer.baseAddress?.advanced(by: place), slice, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw PeerFailure.gone }
            place += count
            acceptedBytes.withLock { $0 += count }
        }
    }

    /// Answers with a body of known length; the connection stays open.
    func answer(_ status: String = "200 OK", headers: [String] = [], _ body: String = "") throws {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
        try write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    // MARK: The end

    var hasEnded: Bool { isClosed.withLock(\.self) }

    /// Closes in an orderly way.
    func close() {
        isClosed.withLock { isClosed in
            if !isClosed { Glibc.close(socket) }
            isClosed = true
        }
    }

    /// Says that nothing more will come, and waits until the client's system has heard it, on however busy a machine.
    func end() {
        _ = shutdown(socket, Int32(SHUT_WR))
        var state: UInt8 = 0
        var size = socklen_t(1)
        let finWait2: UInt8 = 5
        repeat {
            usleep(1000)
            // The first byte of what the system tells is the connection's state.
            getsockopt(socket, Int32(IPPROTO_TCP), TCP_INFO, &state, &size)
        } while state < finWait2 && state != 0
    }

    /// Closes with a reset: what the client has not read yet is lost.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close()
    }

    /// Makes whatever the script's thread is doing on this connection fail.
    func interrupt() {
        isClosed.withLock { if !$0 { _ = shutdown(socket, Int32(SHUT_RDWR)) } }
    }
}

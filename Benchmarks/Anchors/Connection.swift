// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What went wrong on a connection.
struct ConnectionFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One HTTP/1.1 connection on blocking calls, which throws bodies away: the cheapest client there is.
struct Connection: ~Copyable {
    private let descriptor: Int32
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0

    /// Large, so that few calls are needed for a picture.
    private static let bufferSize = 256 << 10
    #if canImport(Glibc)
        private static let noSignal = Int32(MSG_NOSIGNAL)
    #else
        private static let noSignal: Int32 = 0
    #endif

    init(port: Int) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 64)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw ConnectionFailure("no connection to port \(port)") }
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        // Who does not answer in five minutes never will.
        var limit = timeval(tv_sec: 300, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Sends all of it.
    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = send(descriptor, base, rest.count, Self.noSignal)
            guard count > 0 else { throw ConnectionFailure("sending failed (\(errno))") }
            rest = UnsafeRawBufferPointer(start: base + count, count: rest.count - count)
        }
    }

    /// Reads one answer.
    ///
    /// - Returns: Its status and how long its body was.
    mutating func readAnswer() throws -> (status: Int, length: Int) {
        let (status, framing) = try readHead()
        switch framing {
        case .length(let length):
            try skip(length)
            return (status, length)
        case .chunks: return (status, try skipChunks())
        }
    }

    // MARK: Framing

    private enum Framing {
        case length(Int), chunks
    }

    private mutating func fill() throws {
        guard filled < buffer.count else { throw ConnectionFailure("a line is too long") }
        let count = recv(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, 0)
        guard count > 0 else {
            throw ConnectionFailure(count == 0 ? "the connection was closed" : "no answer (\(errno))")
        }
        filled += count
    }

    /// Forgets the first bytes of the buffer.
    private mutating func drop(_ count: Int) {
        if let base = buffer.baseAddress, count < filled { memmove(base, base + count, filled - count) }
        filled -= count
    }

    /// Reads up to an empty line, or up to the end of one line.
    private mutating func read(upTo end: String) throws -> String {
        let mark = Array(end.utf8)
        var looked = 0
        while true {
            while looked + mark.count <= filled {
                if mark.indices.allSatisfy({ buffer[looked + $0] == mark[$0] }) {
                    let text = String(decoding: buffer[..<looked], as: UTF8.self)
                    drop(looked + mark.count)
                    return text
                }
                looked += 1
            }
            try fill()
        }
    }

    private mutating func readHead() throws -> (Int, Framing) {
        let lines = try read(upTo: "\r\n\r\n").split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            let name = parts.first?.lowercased()
            let value = parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
            if name == "content-length", let length = Int(value) { return (status, .length(length)) }
            if name == "transfer-encoding", value.lowercased() == "chunked" { return (status, .chunks) }
        }
        return (status, .length(0))
    }

    private mutating func skip(_ length: Int) throws {
        var rest = length
        while true {
            let taken = min(rest, filled)
            drop(taken)
            rest -= taken
            if rest == 0 { return }
            try fill()
        }
    }

    private mutating func skipChunks() throws -> Int {
        var total = 0
        while true {
            let line = try read(upTo: "\r\n")
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw ConnectionFailure("no chunk") }
            try skip(size)
            _ = try read(upTo: "\r\n")
            total += size
            if size == 0 { return total }
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import CLibcrypto
import Foundation
import GatewayCore
import NIOCore

/// One piece of a picture's way, alone: what the whole way is compared with.
struct PieceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "piece",
        abstract: "Measure the processor time of one piece of a picture's way."
    )

    enum Piece: String, ExpressibleByArgument {
        case receive, send, hash
        case decode
        case decodeOpenSSL = "decode-openssl"
    }

    @Argument(help: "receive, decode, decode-openssl, hash or send.")
    var piece: Piece

    @Option(help: "The port on 127.0.0.1, to receive and to send.")
    var port = 0

    @Option(help: "The path there.")
    var path = "/"

    @Option(help: "The file: a picture to send or hash, its base64 to decode.")
    var file: String?

    @Option(help: "How often.")
    var times = 100

    func run() async throws {
        let bytes = try file.map { ByteBuffer(bytes: try Data(contentsOf: URL(fileURLWithPath: $0))) } ?? ByteBuffer()
        // Once without being measured: pages, caches and connections are warm then.
        try repeated(3, bytes)
        let before = Self.processorTime
        try repeated(times, bytes)
        print("{\"piece\":\"\(piece.rawValue)\",\"cpu_ms\":\((Self.processorTime - before) * 1000 / Double(times))}")
    }

    private func repeated(_ times: Int, _ bytes: ByteBuffer) throws {
        switch piece {
        case .receive: try receive(times)
        case .send: try send(bytes, times)
        case .decode:
            for _ in 0..<times {
                guard Base64.decode(bytes) != nil else { throw ConnectionFailure("this is not base64") }
            }
        case .decodeOpenSSL: decodeByOpenSSL(bytes, times)
        case .hash: hash(bytes, times)
        }
    }

    private func receive(_ times: Int) throws {
        var connection = try Connection(port: port)
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        for _ in 0..<times {
            try request.withUnsafeBytes { try connection.write($0) }
            guard try connection.readAnswer().status == 200 else { throw ConnectionFailure("no picture at \(path)") }
        }
    }

    private func send(_ bytes: ByteBuffer, _ times: Int) throws {
        var connection = try Connection(port: port)
        let head = "PUT \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(bytes.readableBytes)\r\n\r\n"
        for _ in 0..<times {
            try Array(head.utf8).withUnsafeBytes { try connection.write($0) }
            try bytes.withUnsafeReadableBytes { try connection.write($0) }
            guard try connection.readAnswer().status == 200 else { throw ConnectionFailure("\(path) takes nothing") }
        }
    }

    private func decodeByOpenSSL(_ bytes: ByteBuffer, _ times: Int) {
        var target = [UInt8](repeating: 0, count: Base64.decodedCount(of: bytes.readableBytes))
        bytes.withUnsafeReadableBytes { source in
            for _ in 0..<times {
                EVP_DecodeBlock(&target, source.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(source.count))
            }
        }
    }

    private func hash(_ bytes: ByteBuffer, _ times: Int) {
        var digest = [UInt8](repeating: 0, count: 32)
        bytes.withUnsafeReadableBytes { source in
            for _ in 0..<times {
                EVP_Digest(source.baseAddress, source.count, &digest, nil, EVP_sha256(), nil)
            }
        }
    }

    #if canImport(Glibc)
        private static let ownProcess = __rusage_who_t(RUSAGE_SELF.rawValue)
    #else
        private static let ownProcess = RUSAGE_SELF
    #endif

    /// User and system seconds of this process.
    private static var processorTime: Double {
        var usage = rusage()
        getrusage(Self.ownProcess, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}

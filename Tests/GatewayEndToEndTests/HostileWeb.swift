// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Synchronization

/// Things that want to be taken for a picture.
enum HostilePicture: String, Sendable, CaseIterable {
    case huge
    case endless
    case tiny
    case text
    case svg
    case enormous
    case truncated

    /// How many bytes the huge one has.
    static let hugeLength = 100_000_000

    /// Its first bytes, all of them but for those that are made while they are sent.
    var beginning: Data {
        switch self {
        case .huge, .endless: SamplePicture.long(1 << 20)
        case .tiny: SamplePicture.oneByte
        case .text: SamplePicture.text
        case .svg: SamplePicture.svg
        case .enormous: SamplePicture.claiming(50_000, 50_000)
        case .truncated: SamplePicture.truncated
        }
    }

    /// How many bytes it has; `nil` if there is no end.
    var length: Int? {
        switch self {
        case .huge: Self.hugeLength
        case .endless: nil
        default: beginning.count
        }
    }
}

/// A web server on this machine with hostile pictures at `/huge`, `/endless` and so on.
///
/// Calls for Gemini's models are answered with such pictures in base64, by the name in the path. One thread a connection.
final class HostileWeb: Sendable {
    let port: Int
    private let listener: Int32
    private let isOver = Mutex(false)

    init() throws {
        (listener, port) = try Self.listen()
        Thread.detachNewThread { [self] in accept() }
    }

    var base: String { "http://127.0.0.1:\(port)" }

    func stop() {
        isOver.withLock { $0 = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while !isOver.withLock({ $0 }) {
            let connection = Foundation.accept(listener, nil, nil)
            guard connection >= 0 else { break }
            Thread.detachNewThread { [self] in
                serve(connection)
                // What was sent and not read would take the answer away from the other side.
                shutdown(connection, Int32(SHUT_WR))
                var block = [UInt8](repeating: 0, count: 64 << 10)
                while recv(connection, &block, block.count, 0) > 0 {}
                close(connection)
            }
        }
        close(listener)
    }

    private func serve(_ connection: Int32) {
        guard let head = Self.head(connection) else { return }
        let path = head.split(separator: " ").dropFirst().first ?? ""
        guard let picture = HostilePicture.allCases.first(where: { path.contains($0.rawValue) }) else {
            _ = Self.write(connection, Data("HTTP/1.1 404 Gone\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8))
            return
        }
        if path.contains(":generateContent") { answer(picture, connection) } else { send(picture, connection) }
    }

    private func send(_ picture: HostilePicture, _ connection: Int32) {
        let length = picture.length.map { "Content-Length: \($0)\r\n" } ?? ""
        let head = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nConnection: close\r\n\(length)\r\n"
        guard Self.write(connection, Data(head.utf8) + picture.beginning) else { return }
        flood((picture.length ?? .max) - picture.beginning.count, Data(repeating: 0x5A, count: 1 << 20), connection)
    }

    /// An answer as Gemini gives it; its length is not told.
    private func answer(_ picture: HostilePicture, _ connection: Int32) {
        let beginning = picture.beginning.prefix(picture.beginning.count / 3 * 3)
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        let json = #"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":""#
        let isLong = picture == .huge || picture == .endless
        let data = isLong ? beginning : picture.beginning
        guard Self.write(connection, Data((head + json + data.base64EncodedString()).utf8)) else { return }
        if isLong {
            let text = Data(repeating: UInt8(ascii: "A"), count: 1 << 20)
            flood(picture.length.map { ($0 - beginning.count) / 3 * 4 } ?? .max, text, connection)
        }
        _ = Self.write(connection, Data(#""}}]},"finishReason":"STOP"}]}"#.utf8))
    }

    private func flood(_ length: Int, _ piece: Data, _ connection: Int32) {
        var rest = length
        while rest > 0, !isOver.withLock({ $0 }) {
            guard Self.write(connection, piece.prefix(min(rest, piece.count))) else { return }
            rest -= piece.count
        }
    }

    /// Reads a request's head, and whatever of its body comes with it.
    private static func head(_ connection: Int32) -> String? {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 << 10)
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(connection, &block, block.count, 0)
            guard count > 0 else { return nil }
            bytes += block.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ connection: Int32, _ data: Data) -> Bool {
        var place = 0
        let bytes = [UInt8](data)
        while place < bytes.count {
            let count = bytes[place...].withUnsafeBytes {
                Foundation.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            place += count
        }
        return true
    }

    private static func listen() throws -> (Int32, Int) {
        let port = LoopbackPorts.take()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, Foundation.listen(listener, 128) == 0 else { throw ProgramFailure(message: "No port is free.") }
        return (listener, port)
    }
}

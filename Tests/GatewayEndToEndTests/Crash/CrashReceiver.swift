// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import NIOCore
import Synchronization

/// A receiver of webhooks in the test's own process, which never dies: what it has accepted was delivered.
///
/// One message in seven is refused at first, so that there is always something to be tried again when the gateway dies.
final class CrashReceiver: Sendable {
    /// What it was told of one task.
    struct Told: Sendable {
        /// The names of the messages: one, however often it was told.
        var ids: Set<String> = []
        var types: Set<String> = []
        /// When the task was finished, as each message says.
        var stamps: Set<String> = []
        /// The states of the task in the messages.
        var states: Set<String> = []
        var accepted = 0
        var refused = 0
    }

    static let secret = "whsec_" + Data("the secret of the crash test".utf8).base64EncodedString()
    /// Names of this machine: each is a host of its own to the gateway, with room of its own.
    static let hosts = 4

    let port: Int
    private let listener: Int32
    private let heard = Mutex<[String: Told]>([:])
    private let garbled = Mutex(0)

    init() throws {
        port = LoopbackPorts.take()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(listener, 128) == 0 else { throw ProgramFailure(message: "There is no receiver.") }
        Thread.detachNewThread { [self] in accept() }
    }

    /// The address for an order.
    func address(_ number: Int) -> String { "http://127.0.0.\(1 + number % Self.hosts):\(port)/hook" }

    /// What it was told of a task; `nil` for nothing.
    subscript(task: String) -> Told? { heard.withLock { $0[task] } }

    /// Messages that could not be read.
    var unreadable: Int { garbled.withLock(\.self) }

    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let connection = Foundation.accept(listener, nil, nil)
            guard connection >= 0 else { break }
            Thread.detachNewThread { [self] in
                serve(connection)
                close(connection)
            }
        }
        close(listener)
    }

    /// Answers one message after the other.
    private func serve(_ connection: Int32) {
        var buffer = ByteBuffer()
        while let (head, body) = Self.message(connection, &buffer) {
            let answer = "HTTP/1.1 \(note(head, body) ? "204 Yes" : "503 Later")\r\ncontent-length: 0\r\n\r\n"
            let bytes = [UInt8](answer.utf8)
            guard send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
        }
    }

    /// - Returns: Whether it accepts the message.
    private func note(_ head: [String: String], _ body: ByteBuffer) -> Bool {
        guard let id = head["webhook-id"], head["webhook-signature"]?.hasPrefix("v1,") == true,
            let event = try? JSON(reading: body), let task = event["data"]?["id"]?.string
        else {
            garbled.withLock { $0 += 1 }
            return true
        }
        return heard.withLock { heard in
            var told = heard[task, default: Told()]
            defer { heard[task] = told }
            if told.refused == 0, told.accepted == 0, task.utf8.reduce(0, { $0 &* 31 &+ Int($1) }) % 7 == 0 {
                told.refused += 1
                return false
            }
            told.accepted += 1
            told.ids.insert(id)
            told.types.insert(event["type"]?.string ?? "?")
            told.stamps.insert(event["timestamp"]?.string ?? "?")
            told.states.insert(event["data"]?["status"]?.string ?? "?")
            return true
        }
    }

    private static func message(_ connection: Int32, _ buffer: inout ByteBuffer) -> ([String: String], ByteBuffer)? {
        var end: Range<Int>?
        while true {
            end = buffer.readableBytesView.firstRange(of: [13, 10, 13, 10])
            if end != nil { break }
            guard more(connection, &buffer) else { return nil }
        }
        guard let end, let text = buffer.readString(length: end.lowerBound - buffer.readerIndex) else { return nil }
        buffer.moveReaderIndex(forwardBy: 4)
        let fields = text.split(separator: "\r\n").dropFirst().compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
        }
        let head = Dictionary(fields) { first, _ in first }
        let length = head["content-length"].flatMap { Int($0) } ?? 0
        while buffer.readableBytes < length {
            guard more(connection, &buffer) else { return nil }
        }
        return buffer.readSlice(length: length).map { (head, $0) }
    }

    private static func more(_ connection: Int32, _ buffer: inout ByteBuffer) -> Bool {
        var block = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(connection, &block, block.count, 0)
        guard count > 0 else { return false }
        buffer.writeBytes(block[..<count])
        return true
    }
}

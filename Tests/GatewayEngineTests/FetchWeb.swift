// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import Synchronization

@testable import GatewayEngine

/// A web server on addresses of this machine, one thread a connection; each is closed after its answer.
final class FetchWeb: Sendable {
    typealias Answer = @Sendable (Line) -> Void

    /// One connection, with the request that came on it.
    struct Line: Sendable {
        let head: String
        fileprivate let socket: Int32

        var target: String { head.split(separator: " ").dropFirst().first.map(String.init) ?? "" }

        /// Whether the other side took it.
        @discardableResult
        func write(_ bytes: [UInt8]) -> Bool {
            var place = 0
            while place < bytes.count {
                let count = bytes[place...].withUnsafeBytes {
                    send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                place += count
            }
            return true
        }

        @discardableResult
        func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        func answer(_ status: String = "200 OK", headers: [String] = [], _ body: [UInt8] = []) {
            let lines = ["HTTP/1.1 \(status)", "Connection: close", "Content-Length: \(body.count)"] + headers
            write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
        }

        func redirect(_ status: Int = 302, to location: String) {
            answer("\(status) Elsewhere", headers: ["Location: \(location)"])
        }
    }

    private struct State {
        var connections = 0
        var heads: [String] = []
        /// Those that listen; the number of one that was closed may be another's at once.
        var listeners: [Int32]
    }

    /// What the threads know: they keep the listeners open, not the server.
    private final class Books: Sendable {
        let state: Mutex<State>

        init(_ listeners: [Int32]) { state = Mutex(State(listeners: listeners)) }
    }

    let port: UInt16
    private let books: Books

    /// Listens on addresses, all with the same port.
    init(_ addresses: [String] = ["127.0.0.2"], _ answer: @escaping Answer) throws {
        let (listeners, port) = try Self.listen(addresses)
        let books = Books(listeners)
        (self.books, self.port) = (books, port)
        for listener in listeners { Thread.detachNewThread { Self.accept(listener, books, answer) } }
    }

    deinit { stop() }

    func stop() {
        books.state.withLock { state in
            for listener in state.listeners { shutdown(listener, Int32(SHUT_RDWR)) }
            state.listeners = []
        }
    }

    func url(_ path: String = "/", host: String = "127.0.0.2") -> String { "http://\(host):\(port)\(path)" }

    var connections: Int { books.state.withLock(\.connections) }
    var heads: [String] { books.state.withLock(\.heads) }

    /// How many connections there were, once all that were made have been accepted: those of this call came last.
    func settledConnections(_ addresses: [String]) async throws -> Int {
        let transport = try CurlTransport()
        for address in addresses { _ = try await transport.send(TransportRequest(.get, url("/settle", host: address))) }
        await transport.close()
        return connections - addresses.count
    }

    private static func accept(_ listener: Int32, _ books: Books, _ answer: @escaping Answer) {
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            guard socket >= 0 else {
                // A connection that is gone already, or a machine without descriptors for a moment, is not the end.
                guard books.state.withLock({ $0.listeners.contains(listener) }) else { break }
                usleep(1000)
                continue
            }
            books.state.withLock { $0.connections += 1 }
            Thread.detachNewThread {
                defer { close(socket) }
                guard let head = head(socket) else { return }
                books.state.withLock { $0.heads.append(head) }
                answer(Line(head: head, socket: socket))
            }
        }
        close(listener)
    }

    private static func head(_ socket: Int32) -> String? {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 16 << 10)
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(socket, &block, block.count, 0)
            guard count > 0 else { return nil }
            bytes += block.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func listen(_ addresses: [String]) throws -> ([Int32], UInt16) {
        for _ in 0..<50 {
            let port = UInt16.random(in: 20_000..<32_000)
            let sockets = addresses.map { listen($0, port) }
            if sockets.allSatisfy({ $0 >= 0 }) { return (sockets, port) }
            for socket in sockets where socket >= 0 { close(socket) }
        }
        throw POSIXError(.EADDRINUSE)
    }

    private static func listen(_ address: String, _ port: UInt16) -> Int32 {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "\(port)", &hints, &found) == 0, let info = found else { return -1 }
        defer { freeaddrinfo(found) }
        let listener = socket(info.pointee.ai_family, info.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard bind(listener, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0, Glibc.listen(listener, 512) == 0
        else {
            close(listener)
            return -1
        }
        return listener
    }
}

extension FetchGuard {
    /// The error a fetch ends with, however far it comes; `nil` if a whole picture comes.
    func failure(of url: String, atMost limit: Int = .max) async -> FetchError? {
        do throws(FetchError) {
            _ = try await picture(url, atMost: limit)
            return nil
        } catch {
            return error
        }
    }
}

/// A guard on a transport of its own.
func withGuard<Result>(
    allowing blocks: [String] = ["127.0.0.2"],
    limits: FetchLimits = FetchLimits(),
    names: (@Sendable () -> [String])? = nil,
    _ body: (FetchGuard, CurlTransport) async throws -> Result
) async throws -> Result {
    let rule = AddressRule(allowing: blocks.compactMap(NetworkBlock.init))
    var settings = CurlSettings()
    settings.nameOverrides = names
    let transport = try CurlTransport(settings: settings, addressRule: rule)
    do {
        let result = try await body(FetchGuard(transport: transport, rule: rule, limits: limits), transport)
        await transport.close()
        return result
    } catch {
        await transport.close()
        throw error
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import Glibc
import HTTPTypes
import Synchronization

/// A TCP server on loopback whose every connection is played by a script on a thread of its own.
final class ScriptedServer: Sendable {
    typealias Script = @Sendable (Peer) throws -> Void

    private struct State {
        var peers: [Peer] = []
        var requests: [SeenRequest] = []
        var isListening = true
        var isDone = false
    }

    let port: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    init(_ script: @escaping Script) throws {
        listener = try Loopback.listen(backlog: 4096)
        port = try Loopback.port(of: listener)
        Thread.detachNewThread { [self] in accept(script) }
    }

    func url(_ path: String = "/", scheme: String = "http") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    /// How many connections there have been.
    var connections: Int { state.withLock(\.peers.count) }

    /// The requests that scripts have read to their end.
    var requests: [SeenRequest] { state.withLock(\.requests) }

    var peers: [Peer] { state.withLock(\.peers) }

    /// Waits until whatever has been sent to this server so far has been read: a request of its own, which the script must
    /// answer, is accepted after all others; then all scripts come to their end.
    func settle() async throws {
        let transport = try CurlTransport()
        _ = try await transport.send(TransportRequest(.get, url("/settle")))
        await transport.close()
        while !peers.allSatisfy(\.hasEnded) { try await Task.sleep(for: .milliseconds(5)) }
        state.withLock { $0.requests.removeAll { $0.line == "GET /settle HTTP/1.1" } }
    }

    /// Whether a connection's script has come to its end.
    func hasEnded(_ number: Int) -> Bool {
        state.withLock { $0.peers.indices.contains(number) && $0.peers[number].hasEnded }
    }

    /// Accepts no further connection; those that are open go on.
    func stopListening() {
        state.withLock { state in
            if state.isListening { _ = shutdown(listener, Int32(SHUT_RDWR)) }
            state.isListening = false
        }
    }

    /// Ends everything, and waits for the last script.
    func stop() async {
        stopListening()
        while !state.withLock({ $0.isDone && $0.peers.allSatisfy(\.hasEnded) }) {
            for peer in peers { peer.interrupt() }
            try? await Task.sleep(for: .milliseconds(2))
        }
    }

    private func accept(_ script: @escaping Script) {
        while true {
            let socket = Glibc.accept(listener, nil, nil)
            guard socket >= 0 else { break }
            let peer = state.withLock { state in
                let peer = Peer(number: state.peers.count, socket: socket) { request in
                    self.state.withLock { $0.requests.append(request) }
                }
                state.peers.append(peer)
                return peer
            }
            Thread.detachNewThread {
                try? script(peer)
                peer.close()
            }
        }
        close(listener)
        state.withLock { $0.isDone = true }
    }
}

/// Sockets on 127.0.0.1.
enum Loopback {
    /// A listening socket on a port of the system's choice.
    static func listen(backlog: Int32) throws -> Int32 {
        let listener = try reserve()
        guard Glibc.listen(listener, backlog) == 0 else { throw PeerFailure.system("no port to listen on") }
        return listener
    }

    /// A socket that has a port but does not listen: whoever connects is refused, as long as it is open.
    static func reserve() throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard withAddress(port: 0, { bind(socket, $0, $1) }) == 0 else { throw PeerFailure.system("no port") }
        return socket
    }

    static func port(of listener: Int32) throws -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            getsockname(listener, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, &size)
        }
        guard result == 0 else { throw PeerFailure.system("no port") }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Starts to connect and does not wait.
    static func beginConnecting(to port: UInt16) -> Int32 {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        _ = withAddress(port: port) { connect(client, $0, $1) }
        return client
    }

    private static func withAddress(port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafeBytes(of: address) { bytes in
            guard let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress else { return -1 }
            return body(pointer, socklen_t(bytes.count))
        }
    }
}

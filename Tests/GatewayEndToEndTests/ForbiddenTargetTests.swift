// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// Edits that name what the gateway must not open.
@Suite struct ForbiddenTargetTests {
    static let hosts = FetchTargets.loopback + FetchTargets.elsewhere + FetchTargets.names + FetchTargets.dependent

    @Test func `every spelling of a forbidden target is refused in the same words, and nobody is connected to`()
        async throws
    {
        let listener = try SilentListener()
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        #expect(Set(Self.hosts).count > 100)

        let answers = try await withThrowingTaskGroup(of: (host: String, answers: [String]).self) { group in
            for host in Self.hosts {
                group.addTask {
                    let url = "http://\(host):\(listener.port)/picture.png"
                    let json = try await fixture.call(.post, "/v1/images/edits", Self.body(url))
                    let form = try await fixture.edit(["image_urls[]": url, "prompt": "a hat"])
                    let task = try await fixture.create(1, path: "/v1/images/edits/async", clients: 1) { _ in
                        Self.body(url)
                    }
                    let ended = try await fixture.finished(task, within: .seconds(60)).values.first?["error"] ?? .null
                    return (host, [json.json, form.json, ["error": ended]].map(Self.words))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for answer in answers {
            #expect(answer.answers[0] == "invalid_image: The picture's URL cannot be opened.", "\(answer.host)")
            #expect(Set(answer.answers).count == 1, "\(answer.host): \(answer.answers)")
        }
        #expect(listener.connections == 0)
        // The listener would have noticed: what is allowed does connect.
        _ = try? await fixture.transport.send(
            TransportRequest(.get, "http://127.0.0.1:\(listener.port)/", limits: .brief)
        )
        #expect(listener.connections > 0)
        #expect(try await fixture.ledger()["calls"]?.integer == 0)
        await gateway.end()
        await fixture.end()
    }

    private static func body(_ url: String) -> JSON {
        ["model": "gemini-2.5-flash-image", "prompt": "a hat", "images": [["image_url": JSON(url)]]]
    }

    private static func words(_ answer: JSON) -> String {
        "\(answer["error"]?["code"]?.string ?? "none"): \(answer["error"]?["message"]?.string ?? "none")"
    }
}

/// Listens on this machine's own addresses and says nothing; who connected waits in line to be counted.
final class SilentListener: Sendable {
    let port: Int
    private let sockets: [Int32]

    init() throws {
        port = LoopbackPorts.take()
        var sockets: [Int32] = []
        for family in [AF_INET, AF_INET6] {
            let listener = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            guard listener >= 0 else { continue }
            if Self.bind(listener, family, UInt16(port)), listen(listener, 512) == 0 { sockets.append(listener) }
        }
        guard !sockets.isEmpty else { throw ProgramFailure(message: "Nothing can listen here.") }
        self.sockets = sockets
    }

    deinit { for listener in sockets { close(listener) } }

    /// How many connected since the last time somebody asked.
    var connections: Int {
        var count = 0
        for listener in sockets {
            while case let connection = accept(listener, nil, nil), connection >= 0 {
                count += 1
                close(connection)
            }
        }
        return count
    }

    private static func bind(_ listener: Int32, _ family: Int32, _ port: UInt16) -> Bool {
        if family == AF_INET {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
        var isAlone: Int32 = 1
        setsockopt(listener, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &isAlone, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }
}

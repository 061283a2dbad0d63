// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayEngine

/// Where nobody's URL may lead, with listeners that would see it.
@Suite struct FetchForbiddenTests {
    /// Listens on all addresses of this machine.
    private static func tripwire() throws -> FetchWeb { try FetchWeb(["::"]) { $0.answer() } }

    private static func urls(_ port: UInt16) -> [String] {
        (FetchTargets.loopback + FetchTargets.elsewhere + FetchTargets.dependent).map {
            "http://\($0):\(port)/latest/meta-data/"
        }
    }

    @Test func `the listener hears every spelling of this machine from who keeps no rule`() async throws {
        let web = try Self.tripwire()
        let transport = try CurlTransport()

        for host in FetchTargets.loopback {
            let answer = try? await transport.send(TransportRequest(.get, web.url(host: host)))
            #expect(answer?.status == 200, "\(host)")
        }

        await transport.close()
        #expect(web.connections == FetchTargets.loopback.count)
    }

    @Test func `a transport with the rule connects to no spelling of a forbidden address`() async throws {
        let web = try Self.tripwire()
        let transport = try CurlTransport(addressRule: .publicOnly)
        #expect(FetchTargets.loopback.count + FetchTargets.elsewhere.count >= 100)

        for url in Self.urls(web.port) {
            let dependent = FetchTargets.dependent.contains { url.contains("//\($0):") }
            let request = TransportRequest(.post, url, body: .bytes([ByteBuffer(string: "secret")]))
            do throws(TransportError) {
                let answer = try await transport.send(request)
                Issue.record("\(url) answered \(answer.status)")
            } catch {
                let isUnknown = dependent && error.code == .nameNotResolved
                let isRefused = error.code == .addressRefused || error.code == .invalidURL
                #expect(isRefused || isUnknown, "\(url): \(error)")
                #expect(!error.mayHaveArrived, "\(url)")
            }
        }
        for url in FetchTargets.odd.map({ $0.replacing("PORT", with: "\(web.port)") }) {
            #expect((try? await transport.send(TransportRequest(.get, url))) == nil, "\(url)")
        }

        await transport.close()
        #expect(try await web.settledConnections(["127.0.0.1", "[::1]"]) == 0)
    }

    @Test func `the guard opens none of them, and all refusals are one to a caller`() async throws {
        let web = try Self.tripwire()
        let closed = try Self.tripwire()
        closed.stop()
        let odd = FetchTargets.odd.map { $0.replacing("PORT", with: "\(web.port)") }
        let names = FetchTargets.names.map { "http://\($0):\(web.port)/" }
        let ports = FetchTargets.ports.map { "http://93.184.216.34:\($0)/" }
        // An unknown name, and a port nobody listens on.
        let others = ["http://x.invalid/", closed.url(host: "127.0.0.2")]

        try await withGuard(allowing: []) { fetch, _ in
            let long = "http://example.com/" + String(repeating: "x", count: 8192)
            let refused = Self.urls(web.port) + odd + names + ports + [long]
            for url in refused {
                let error = await fetch.failure(of: url)
                #expect(error?.code == .refused && error?.isTemporary == false, "\(url): \(String(describing: error))")
                #expect(error?.inputFailure == TaskFailure(.invalidImage, "The picture's URL cannot be opened."))
            }
            let unknown = await fetch.failure(of: others[0])
            #expect(unknown?.code == .unavailable && unknown?.isTemporary == true)
            #expect(unknown?.inputFailure == TaskFailure(.invalidImage, "The picture's URL cannot be opened."))
        }
        try await withGuard { fetch, _ in
            let dead = await fetch.failure(of: others[1])
            #expect(dead?.code == .unavailable && dead?.isTemporary == true)
            #expect(dead?.inputFailure == TaskFailure(.invalidImage, "The picture's URL cannot be opened."))
        }

        #expect(try await web.settledConnections(["127.0.0.1", "[::1]"]) == 0)
    }

    @Test(arguments: [301, 302, 303, 307, 308], 1...5)
    func `a redirect to a forbidden place is refused at every hop`(status: Int, hop: Int) async throws {
        let inner = try Self.tripwire()
        let port = inner.port
        let targets = [
            "http://127.0.0.1:\(port)/", "http://[::1]:\(port)/", "//127.0.0.1:\(port)/", "http://2130706433:\(port)/",
            "http://a@127.0.0.1:\(port)/", "http://[::ffff:7f00:1]:\(port)/", "http://169.254.169.254/", "file:///x",
            "http://127.0.0.1:\(port)\\@good.example/",
        ]
        let web = try FetchWeb { line in
            let parts = line.target.dropFirst().split(separator: "/").compactMap { Int($0) }
            guard parts.count == 2 else { return line.answer() }
            line.redirect(status, to: parts[1] == 1 ? targets[parts[0]] : "/\(parts[0])/\(parts[1] - 1)")
        }

        try await withGuard { fetch, _ in
            for place in targets.indices {
                let error = await fetch.failure(of: web.url("/\(place)/\(hop)"))
                #expect(error?.code == .refused && error?.isOpaque == true, "\(targets[place])")
            }
        }

        #expect(web.connections == hop * targets.count)
        #expect(try await inner.settledConnections(["127.0.0.1", "[::1]"]) == 0)
    }

    @Test func `a name that leads to a public place first and to an inner one then is held to its first`() async throws
    {
        let places = Places(["127.0.0.2", "127.0.0.1", "127.0.0.1,127.0.0.2", "::1"])
        let outer = try FetchWeb(["127.0.0.2", "127.0.0.1", "::1"]) { $0.answer("200 OK", FetchPicture.png) }
        let port = outer.port

        try await withGuard(names: { ["photos.example:\(port):\(places.next())"] }) { fetch, _ in
            let url = "http://photos.example:\(port)/a.png"
            #expect(await fetch.failure(of: url) == nil)
            #expect(await fetch.failure(of: url)?.code == .refused)
            // Mixed: only the allowed one is connected to.
            #expect(await fetch.failure(of: url) == nil)
            #expect(await fetch.failure(of: url)?.code == .refused)
        }

        #expect(try await outer.settledConnections(["127.0.0.1", "[::1]"]) == 2)
        #expect(outer.heads.filter { $0.contains("photos.example") }.count == 2)
    }
}

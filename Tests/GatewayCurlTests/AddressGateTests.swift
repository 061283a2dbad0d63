// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Glibc
import HTTPTypes
import NIOCore
import Testing

import GatewayCurl

@Suite struct AddressGateTests {
    /// Allows the address that all servers here listen on.
    private static let loopback = AddressRule(allowing: [NetworkBlock("127.0.0.1")].compactMap(\.self))

    private static func transport(_ rule: AddressRule, _ names: [String] = []) throws -> CurlTransport {
        var settings = CurlSettings()
        settings.nameOverrides = { names }
        return try CurlTransport(settings: settings, addressRule: rule)
    }

    @Test func `an address that the rule admits is connected to, and the connection kept`() async throws {
        let server = try ScriptedServer(answering())
        let transport = try Self.transport(Self.loopback)

        for _ in 1...3 { #expect(try await transport.send(TransportRequest(.get, server.url())).status == 200) }

        #expect(server.connections == 1)
        await transport.close()
        await server.stop()
    }

    @Test(arguments: [
        ("127.0.0.2", TransportError.Code.addressRefused), ("127.0.0.2,[::1]", .addressRefused),
        ("127.0.0.1,127.0.0.2", nil), ("127.0.0.2,127.0.0.1", nil), ("[::1],127.0.0.2,127.0.0.1", nil),
    ])
    func `of a name's addresses only the admitted ones count`(addresses: String, code: TransportError.Code?)
        async throws
    {
        let server = try ScriptedServer(answering())
        let transport = try Self.transport(Self.loopback, ["mixed.example:\(server.port):\(addresses)"])

        let request = TransportRequest(.post, "http://mixed.example:\(server.port)/", body: BodyKind.small.body)
        let error = await transport.failure(of: request)

        #expect(error?.code == code)
        #expect(error == nil || error?.mayHaveArrived == false)
        #expect(server.connections == (code == nil ? 1 : 0))
        await transport.close()
        await server.stop()
    }

    @Test func `an admitted address that is dead is told as that, beside a refused one`() async throws {
        let reserved = try Loopback.reserve()
        defer { close(reserved) }
        let port = try Loopback.port(of: reserved)
        let transport = try Self.transport(Self.loopback, ["mixed.example:\(port):127.0.0.2,127.0.0.1"])

        let error = await transport.failure(of: TransportRequest(.get, "http://mixed.example:\(port)/"))

        #expect(error?.code == .notConnected)
        await transport.close()
    }

    /// A child process, because the environment is everybody's.
    @Test func `a transport with a rule goes through no proxy`() async {
        await #expect(processExitsWith: .success) {
            let server = try ScriptedServer(answering())
            let proxy = try ScriptedServer(answering("502 Bad Gateway"))
            for name in ["http_proxy", "all_proxy", "ALL_PROXY"] { setenv(name, proxy.url(), 1) }
            let bare = try await CurlTransport().send(TransportRequest(.get, server.url()))
            let rule = AddressRule(allowing: [NetworkBlock("127.0.0.1")].compactMap(\.self))
            let ruled = try await CurlTransport(addressRule: rule).send(TransportRequest(.get, server.url()))
            let refused = await (try CurlTransport(addressRule: .publicOnly))
                .failure(of: TransportRequest(.get, "http://93.184.216.34.localhost:\(server.port)/"))
            let isRight = bare.status == 502 && ruled.status == 200 && refused?.code == .addressRefused
            exit(isRight && proxy.connections == 1 && server.connections == 1 ? 0 : 1)
        }
    }

    @Test(arguments: ["user:password@", "user@", ":@", "@"])
    func `credentials in a URL are refused, never sent`(credentials: String) async throws {
        try await withServer(answering()) { server, transport in
            let url = "http://\(credentials)127.0.0.1:\(server.port)/"
            let error = await transport.failure(of: TransportRequest(.get, url))

            #expect(error?.code == .invalidURL)
            #expect(error?.mayHaveArrived == false)
            #expect(server.connections == 0)
        }
    }

    // MARK: The address in libcurl's hand

    private static func read(family: Int32, inner: Int32? = nil, length: UInt32, _ bytes: [UInt8], at place: Int)
        -> IPAddress?
    {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 256, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0xEE, count: 256)
        // family, type, protocol and length, then the address itself, which begins with its family.
        for (place, value) in [family, Int32(SOCK_STREAM.rawValue), 0, Int32(length)].enumerated() {
            memory.storeBytes(of: value, toByteOffset: 4 * place, as: Int32.self)
        }
        memory.storeBytes(of: UInt16(inner ?? family), toByteOffset: 16, as: UInt16.self)
        for (offset, byte) in bytes.enumerated() {
            memory.storeBytes(of: byte, toByteOffset: 16 + place + offset, as: UInt8.self)
        }
        return CurlGate.read(memory)
    }

    @Test func `the address that is judged is the one that would be connected to`() {
        let six = [UInt8](repeating: 0, count: 15) + [1]

        #expect(Self.read(family: AF_INET, length: 16, [10, 1, 2, 3], at: 4) == IPAddress("10.1.2.3"))
        #expect(Self.read(family: AF_INET6, length: 28, six, at: 8) == IPAddress("::1"))
    }

    @Test func `what is no whole IP address is none`() {
        #expect(Self.read(family: AF_INET, length: 15, [10, 1, 2, 3], at: 4) == nil)
        #expect(Self.read(family: AF_INET6, length: 27, [], at: 0) == nil)
        #expect(Self.read(family: AF_INET6, length: 16, [], at: 0) == nil)
        #expect(Self.read(family: AF_INET, inner: AF_INET6, length: 28, [], at: 0) == nil)
        #expect(Self.read(family: AF_INET6, inner: AF_INET, length: 28, [], at: 0) == nil)
        #expect(Self.read(family: AF_INET, length: 0, [], at: 0) == nil)
        for family in [AF_UNIX, AF_UNSPEC, AF_NETLINK, AF_PACKET, AF_VSOCK] {
            #expect(Self.read(family: family, length: 110, Array("/run/docker.sock".utf8), at: 2) == nil)
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Glibc
import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import GatewayEngine

/// What one fetch may cost, and what is taken for a picture.
@Suite struct FetchLimitTests {
    private static let megabyte = 1 << 20
    /// What a server gets rid of while nobody reads: the system's buffers on both sides and ours.
    private static let buffers = 16 << 20

    enum Framing: CaseIterable { case announced, untilClosed, endless }

    @Test(arguments: Framing.allCases)
    func `100 megabytes and more are refused, and most of them never leave`(framing: Framing) async throws {
        let sent = Mutex(0)
        let isDone = Mutex(false)
        let web = try FetchWeb { line in
            line.write("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n")
            switch framing {
            case .announced: line.write("Content-Length: 104857600\r\n\r\n")
            case .untilClosed: line.write("Connection: close\r\n\r\n")
            case .endless: line.write("Transfer-Encoding: chunked\r\n\r\n")
            }
            let block = FetchPicture.png + [UInt8](repeating: 7, count: 65_536 - FetchPicture.png.count)
            let piece = framing == .endless ? Array("10000\r\n".utf8) + block + Array("\r\n".utf8) : block
            while framing == .endless || sent.withLock(\.self) < 100 * Self.megabyte, line.write(piece) {
                sent.withLock { $0 += piece.count }
            }
            isDone.withLock { $0 = true }
        }

        try await withGuard(limits: FetchLimits(bytes: 4 * Self.megabyte)) { fetch, _ in
            let error = await fetch.failure(of: web.url("/a.png"))
            #expect(error?.code == .tooLarge && error?.isTemporary == false)
            #expect(error?.inputFailure.code == .payloadTooLarge)
        }

        while !isDone.withLock(\.self) { try await Task.sleep(for: .milliseconds(2)) }
        #expect(sent.withLock(\.self) < 4 * Self.megabyte + Self.buffers)
    }

    @Test func `a body that drips is ended by the time limit, one that stops by the stall limit`() async throws {
        let isOver = Mutex(false)
        defer { isOver.withLock { $0 = true } }
        let web = try FetchWeb { line in
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            line.write(FetchPicture.png)
            while !isOver.withLock(\.self), line.target == "/stop" || line.write([1]) { usleep(2000) }
        }

        try await withGuard(limits: FetchLimits(total: .milliseconds(300))) { fetch, _ in
            let error = await fetch.failure(of: web.url("/drip"))
            #expect(error?.code == .timedOut && error?.isTemporary == true && error?.isOpaque == false)
        }
        try await withGuard(limits: FetchLimits(stall: .milliseconds(100))) { fetch, _ in
            #expect(await fetch.failure(of: web.url("/stop"))?.code == .timedOut)
        }
    }

    @Test func `a server that says nothing is the same as one that is not there`() async throws {
        let isOver = Mutex(false)
        let web = try FetchWeb { _ in while !isOver.withLock(\.self) { usleep(2000) } }

        try await withGuard(limits: FetchLimits(firstByte: .milliseconds(100))) { fetch, _ in
            let error = await fetch.failure(of: web.url())
            #expect(error?.code == .timedOut)
            #expect(error?.inputFailure == TaskFailure(.invalidImage, "The picture's URL cannot be opened."))
        }
        isOver.withLock { $0 = true }
    }

    @Test func `all hops together have one time limit`() async throws {
        let time = ManualTime()
        let asked = Mutex<[Duration]>([])
        let transport = FetchScript { request in
            asked.withLock { $0.append(request.limits.total) }
            time.advance(by: .seconds(12))
            return FetchScript.answer(302, headers: [.location: "/next"])
        }

        let fetch = FetchGuard(transport: transport, limits: FetchLimits(total: .seconds(30)), time: time)
        let error = await fetch.failure(of: "https://example.com/")

        #expect(error?.code == .timedOut && error?.isOpaque == true)
        #expect(asked.withLock(\.self) == [.seconds(30), .seconds(18), .seconds(6)])
    }

    static let wrong: [(String, [UInt8])] = [
        ("nothing", []), ("one byte", [0x89]), ("a text", Array("not a picture, but a text of some length".utf8)),
        ("an SVG", Array("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"><script/></svg>".utf8)),
        ("a page", Array("<!DOCTYPE html><html><body><img src=x.png></body></html>".utf8)),
        ("a bomb", [UInt8](Picture.png(50_000, 50_000).readableBytesView)),
        ("no pixels", [UInt8](Picture.png(0, 8).readableBytesView)),
        ("half a header", Array(FetchPicture.png.prefix(20))),
        ("a GIF", Array("GIF89a".utf8) + [8, 0, 8, 0, 0, 0, 0, 0x3B]),
        ("much text", [UInt8](repeating: 0x20, count: 300_000)),
    ]

    @Test(arguments: wrong.indices)
    func `what is no usable picture is refused as one, whatever it claims to be`(place: Int) async throws {
        let web = try FetchWeb { $0.answer(headers: ["Content-Type: image/png"], Self.wrong[place].1) }

        try await withGuard { fetch, _ in
            let error = await fetch.failure(of: web.url("/a.png"))
            #expect(error?.code == .invalidPicture && error?.isTemporary == false, "\(Self.wrong[place].0)")
            #expect(error?.inputFailure.code == .invalidImage)
        }
    }

    @Test func `a picture that breaks off is an error that may pass`() async throws {
        let web = try FetchWeb { line in
            line.write("HTTP/1.1 200 OK\r\nContent-Length: \(FetchPicture.png.count + 1)\r\n\r\n")
            line.write(FetchPicture.png)
        }

        try await withGuard { fetch, _ in
            let error = await fetch.failure(of: web.url())
            #expect(error?.code == .ended && error?.isTemporary == true)
        }
    }

    @Test func `a picture comes as it is, up to the limit and not beyond`() async throws {
        let web = try FetchWeb { $0.answer("200 OK", FetchPicture.png) }
        let count = FetchPicture.png.count

        try await withGuard(limits: FetchLimits(bytes: count)) { fetch, _ in
            let picture = try await fetch.picture(web.url(), atMost: count)
            #expect(picture == ByteBuffer(bytes: FetchPicture.png))
            #expect(await fetch.failure(of: web.url(), atMost: count - 1)?.code == .tooLarge)
        }
        try await withGuard(limits: FetchLimits(bytes: count - 1)) { fetch, _ in
            #expect(await fetch.failure(of: web.url())?.code == .tooLarge)
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization
import Testing

@testable import GatewayEmulator

@Suite struct PictureTests {
    static let small = PixelSize(256, 192)

    static func order(
        _ prompt: String = "a fox",
        _ format: PictureFormat = .png,
        size: PixelSize = small,
        variation: UInt64 = 0,
        paddedTo: Int? = nil
    ) -> PictureOrder {
        PictureOrder(
            label: "model",
            size: size,
            format: format,
            prompt: prompt,
            variation: variation,
            paddedTo: paddedTo
        )
    }

    static func decode(_ file: [UInt8], _ format: PictureFormat) -> (size: PixelSize, pixels: [UInt8])? {
        format == .png ? PNGFile.decode(file) : JPEGFile.decode(file)
    }

    @Test(arguments: [PictureFormat.png, .jpeg], ["1024x1024", "192x1536", "1536x192", "424x632", "1x1", "7x3"])
    func `a picture has the format and the pixels that were ordered`(format: PictureFormat, size: String) throws {
        let size = try #require(PixelSize(size))

        let file = try Self.order("A red fox in the snow", format, size: size).draw()

        #expect(PictureHeader(ByteBuffer(bytes: file).readableBytesView) == PictureHeader(format: format, size: size))
        #expect(Self.decode(file, format)?.size == size)
    }

    @Test func `a picture of 50 megapixels is drawn`() throws {
        let size = PixelSize(8192, 2048)

        let file = try Self.order("wide", .jpeg, size: size).draw()

        #expect(JPEGFile.decode(file)?.size == size)
    }

    @Test(arguments: [PictureFormat.png, .jpeg])
    func `equal orders give equal bytes`(format: PictureFormat) throws {
        let first = try Self.order("a fox", format, variation: 3).draw()
        let second = try Self.order("a fox", format, variation: 3).draw()

        #expect(first == second)
    }

    @Test(arguments: [PictureFormat.png, .jpeg])
    func `prompt and variation change the pixels`(format: PictureFormat) throws {
        let fox = try #require(Self.decode(try Self.order("a fox", format).draw(), format))
        let owl = try #require(Self.decode(try Self.order("an owl", format).draw(), format))
        let otherFox = try #require(Self.decode(try Self.order("a fox", format, variation: 1).draw(), format))

        #expect(fox.pixels != owl.pixels)
        #expect(fox.pixels != otherFox.pixels)
    }

    @Test func `the prompt is written on the picture in white`() throws {
        let written = try #require(PNGFile.decode(try Self.order("HHHHHHHH", size: PixelSize(512, 512)).draw()))
        let silent = try #require(PNGFile.decode(try Self.order(" ", size: PixelSize(512, 512)).draw()))

        #expect(Self.whitePixels(written.pixels) > 1500)
        #expect(Self.whitePixels(silent.pixels) < Self.whitePixels(written.pixels) / 4)
    }

    private static func whitePixels(_ pixels: [UInt8]) -> Int {
        stride(from: 0, to: pixels.count, by: 3).count {
            pixels[$0] == 255 && pixels[$0 + 1] == 255 && pixels[$0 + 2] == 255
        }
    }

    @Test(arguments: [PictureFormat.png, .jpeg], [70_000, 70_001, 200_000, 1_000_003])
    func `padding makes a file exactly as long as was ordered`(format: PictureFormat, size: Int) throws {
        let plain = try Self.order("a fox", format).draw()

        let padded = try Self.order("a fox", format, paddedTo: size).draw()

        #expect(padded.count == size)
        #expect(Self.decode(padded, format)?.pixels == Self.decode(plain, format)?.pixels)
        #expect(PictureHeader(ByteBuffer(bytes: padded).readableBytesView)?.size == Self.small)
    }

    @Test(arguments: [PictureFormat.png, .jpeg], 0..<16)
    func `where no frame fits, a PNG gets an empty one and a JPEG none`(format: PictureFormat, missing: Int) throws {
        let plain = try Self.order("a fox", format).draw()

        let padded = try Self.order("a fox", format, paddedTo: plain.count + missing).draw()

        let smallest = format == .png ? 12 : 4
        let grown = missing >= smallest ? missing : (format == .png && missing > 0 ? 12 : 0)
        #expect(padded.count - plain.count == grown)
        #expect(Self.decode(padded, format)?.pixels == Self.decode(plain, format)?.pixels)
    }

    @Test func `padding cannot be compressed away`() {
        var bytes: [UInt8] = []

        PicturePadding.appendNoise(60_000, seed: 1, to: &bytes)

        let counts = bytes.reduce(into: [Int](repeating: 0, count: 256)) { $0[Int($1)] += 1 }
        #expect(counts.allSatisfy { (150...330).contains($0) })
    }

    @Test(arguments: [PictureFormat.png, .jpeg])
    func `a forged header claims a size that nobody should decode`(format: PictureFormat) throws {
        let file = try Self.order("a fox", format).draw()

        let forged = PictureForgery.claiming(PictureForgery.hugeSize, file, format: format)

        let header = PictureHeader(ByteBuffer(bytes: forged).readableBytesView)
        #expect(header == PictureHeader(format: format, size: PixelSize(60_000, 60_000)))
        #expect(forged.count == file.count)
    }

    @Test func `a checksum is that of the standard`() {
        let sum = Array("123456789".utf8).withUnsafeBytes { CyclicChecksum.of($0) }

        #expect(sum == 0xCBF4_3926)
    }

    @Test func `a WebP picture is refused`() {
        #expect(throws: DrawingError.self) { try Self.order("a fox", .webp).draw() }
    }
}

@Suite struct PictureStudioTests {
    @Test func `a picture is drawn once and kept`() async throws {
        let studio = PictureStudio(lanes: 2, cacheBytes: 1 << 20)

        let first = try await studio.picture(PictureTests.order(), as: .file)
        let kept = studio.keptBytes
        let second = try await studio.picture(PictureTests.order(), as: .file)

        #expect(first == second)
        #expect(kept == first.readableBytes)
        #expect(studio.keptBytes == kept)
    }

    @Test func `the oldest pictures make room for new ones`() async throws {
        let studio = PictureStudio(lanes: 2, cacheBytes: 250_000)

        for variation: UInt64 in 0..<8 {
            _ = try await studio.picture(PictureTests.order(variation: variation, paddedTo: 100_000), as: .file)
        }

        #expect(studio.keptBytes == 200_000)
    }

    @Test func `no more pictures are drawn at once than there are lanes`() async throws {
        let lanes = DrawingLanes(count: 2)
        let drawing = DrawingCount()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await lanes.run { () throws(DrawingError) in
                        drawing.begin()
                        _ = try PictureTests.order().draw()
                        drawing.end()
                    }
                }
            }
            try await group.waitForAll()
        }

        #expect(drawing.now == 0)
        #expect((1...2).contains(drawing.most))
    }

    @Test func `base64 is that of the file`() async throws {
        let studio = PictureStudio(lanes: 1, cacheBytes: 1 << 20)

        let file = try await studio.picture(PictureTests.order(), as: .file)
        let text = try await studio.picture(PictureTests.order(), as: .base64)

        #expect(Base64.decode(text) == file)
    }
}

/// Counts what happens at once.
private final class DrawingCount: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var now: Int { state.withLock { $0.now } }
    var most: Int { state.withLock { $0.most } }

    func begin() {
        state.withLock { state in
            state.now += 1
            state.most = max(state.most, state.now)
        }
    }

    func end() { state.withLock { $0.now -= 1 } }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CTurboJPEG
import GatewayCore
import GatewayPictures
import NIOCore
import Testing

@Suite struct TranscodingTests {
    let transcoder = LibraryTranscoder()

    private func look(
        _ file: ByteBuffer,
        to format: PictureFormat,
        quality: Int? = nil
    ) async throws -> (header: PictureHeader, pixels: [UInt8]) {
        let made = try await transcoder.transcode(file, to: format, quality: quality)
        return (try #require(PictureHeader(made.readableBytesView)), Samples.look(made))
    }

    /// Sizes that a coder may stumble over: one pixel, a line each way, no multiple of a block.
    static let sizes = [
        PixelSize(64, 48), PixelSize(1, 1), PixelSize(4000, 1), PixelSize(1, 3000), PixelSize(17, 9),
    ]

    @Test(arguments: PictureFormat.allCases, PictureFormat.allCases)
    func `each format becomes each other and itself`(from: PictureFormat, to: PictureFormat) async throws {
        for size in Self.sizes {
            let file = Samples.file(from, size)

            let made = try await look(file, to: to)

            #expect(made.header == PictureHeader(format: to, size: size))
            // Lossy formats halve the colors of a line one pixel wide.
            let tolerance = to == .png ? 0 : size.width > 1 && size.height > 1 ? 16 : 40
            #expect(Samples.difference(made.pixels, Samples.look(file)) <= tolerance, "\(size)")
        }
    }

    @Test(arguments: [PictureFormat.png, .webp], PictureFormat.allCases)
    func `transparency is kept, or put on white`(from: PictureFormat, to: PictureFormat) async throws {
        let size = PixelSize(64, 48)
        let pixels = Samples.pixels(size, hasAlpha: true)

        let made = try await look(Samples.file(from, size, hasAlpha: true), to: to)

        if to == .jpeg {
            #expect(Samples.difference(made.pixels, Samples.onWhite(pixels)) <= 12)
        } else {
            let alphas = { (pixels: [UInt8]) in stride(from: 3, to: pixels.count, by: 4).map { pixels[$0] } }
            #expect(alphas(made.pixels) == alphas(pixels))
            #expect(Samples.difference(Samples.onWhite(made.pixels), Samples.onWhite(pixels)) <= 16)
        }
    }

    /// Kinds of color and depth, the values of a pixel, and what they look like.
    static let kinds: [(depth: Int, color: Int, values: [Int], looks: [UInt8])] = [
        (1, 0, [1], [255, 255, 255, 255]), (2, 0, [1], [85, 85, 85, 255]), (4, 0, [5], [85, 85, 85, 255]),
        (8, 0, [85], [85, 85, 85, 255]), (16, 0, [0x55AA], [85, 85, 85, 255]),
        (8, 2, [9, 80, 200], [9, 80, 200, 255]),
        (16, 2, [0x0900, 0x50FF, 0xC811], [9, 81, 200, 255]), (1, 3, [1], [9, 80, 200, 128]),
        (2, 3, [1], [9, 80, 200, 128]), (4, 3, [1], [9, 80, 200, 128]), (8, 3, [1], [9, 80, 200, 128]),
        (8, 4, [85, 40], [85, 85, 85, 40]), (16, 4, [0x5500, 0x2800], [85, 85, 85, 40]),
        (8, 6, [9, 80, 200, 40], [9, 80, 200, 40]), (16, 6, [0x0900, 0x5000, 0xC800, 0x2800], [9, 80, 200, 40]),
    ]

    @Test(arguments: kinds, [false, true])
    func `every kind of PNG is opened`(
        kind: (depth: Int, color: Int, values: [Int], looks: [UInt8]),
        isInterlaced: Bool
    ) async throws {
        let black = [Int](repeating: 0, count: kind.values.count)
        var sample = PNGSample(width: 11, height: 9) { x, y in (x + y) % 3 == 0 ? kind.values : black }
        (sample.depth, sample.color, sample.isInterlaced) = (kind.depth, kind.color, isInterlaced)
        if kind.color == 3 { sample.chunks = [("PLTE", [0, 0, 0, 9, 80, 200]), ("tRNS", [255, 128])] }

        let made = try await look(sample.file, to: .png)

        #expect(made.header.size == PixelSize(11, 9))
        for y in 0..<9 {
            for x in 0..<11 where (x + y) % 3 == 0 {
                let place = (y * 11 + x) * 4
                #expect(zip(made.pixels[place..<(place + 4)], kind.looks).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
            }
        }
    }

    @Test(arguments: PictureFormat.allCases)
    func `gray stays gray where the format has it`(to: PictureFormat) async throws {
        let gray = Samples.jpeg((0..<(64 * 64)).map { UInt8($0 / 64 * 4) }, PixelSize(64, 64), TJPF_GRAY, TJSAMP_GRAY)

        let made = try await transcoder.transcode(gray, to: to, quality: nil)

        #expect(Samples.difference(Samples.look(made), Samples.look(gray)) <= 4)
        // The kind of color of a PNG; the number of components of a JPEG.
        if to == .png { #expect(made.getInteger(at: 25, as: UInt8.self) == 0) }
        if to == .jpeg {
            let frame = try #require(made.readableBytesView.firstRange(of: [0xFF, 0xC0]))
            #expect(made.getInteger(at: frame.lowerBound + 9, as: UInt8.self) == 1)
        }
    }

    @Test(arguments: [TJFLAG_PROGRESSIVE, 0], [TJSAMP_420, TJSAMP_422, TJSAMP_440, TJSAMP_411])
    func `every kind of JPEG is opened`(flags: Int32, sampling: TJSAMP) async throws {
        let size = PixelSize(61, 47)
        let file = Samples.jpeg(Samples.pixels(size, hasAlpha: false), size, TJPF_RGBA, sampling, flags: flags)

        let made = try await look(file, to: .png)

        #expect(Samples.difference(made.pixels, Samples.look(file)) <= 1)
    }

    @Test(arguments: [true, false])
    func `CMYK is brought to the screen`(isAdobe: Bool) async throws {
        let size = PixelSize(32, 32)
        let ink: [UInt8] = isAdobe ? [200, 100, 50, 240] : [55, 155, 205, 15]
        var file = Samples.jpeg((0..<1024).flatMap { _ in ink }, size, TJPF_CMYK)
        if !isAdobe {
            var bytes = Array(file.readableBytesView)
            let mark = try #require(bytes.firstRange(of: Array("Adobe".utf8)))
            // Without the mark four components are taken for CMYK, as they are stored; the encoder stored YCCK.
            bytes[mark.lowerBound] = 0
            file = ByteBuffer(bytes: bytes)
        }

        let made = try await look(file, to: .png)

        #expect(made.header.size == size)
        // Y, Cb and Cr of 255 less the ink 55, 155, 205 are 124, 86 and 182.
        let seen: [UInt8] = isAdobe ? [188, 94, 47, 255] : [123, 159, 69, 255]
        #expect(Samples.difference(Array(made.pixels.prefix(4)), seen) <= 4, "\(made.pixels.prefix(4))")
    }

    @Test func `lossy WebP is opened`() async throws {
        let size = PixelSize(61, 47)
        let file = Samples.webp(Samples.pixels(size, hasAlpha: true), size, isLossless: false)

        let made = try await look(file, to: .png)

        #expect(Samples.difference(made.pixels, Samples.look(file)) <= 1)
    }

    @Test(arguments: [PictureFormat.jpeg, .webp])
    func `quality is heard`(to: PictureFormat) async throws {
        let noise = PNGSample(width: 128, height: 128) { x, y in [x * y % 256, x * 31 % 256, (y * 17 + x) % 256] }.file
        var sizes: [Int] = []
        for quality in [0, 30, 80, 100] {
            sizes.append(try await transcoder.transcode(noise, to: to, quality: quality).readableBytes)
        }
        let usual = try await transcoder.transcode(noise, to: to, quality: nil)
        let named = try await transcoder.transcode(noise, to: to, quality: LibraryTranscoder.usualQuality)

        #expect(sizes == sizes.sorted() && Set(sizes).count == 4)
        #expect(usual == named)
    }
}

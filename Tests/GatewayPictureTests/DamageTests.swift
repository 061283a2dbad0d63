// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayPictures
import NIOCore
import Testing

@Suite struct DamageTests {
    let transcoder = LibraryTranscoder()

    private func error(of file: ByteBuffer, to format: PictureFormat = .png) async -> TranscodingError? {
        do throws(TranscodingError) {
            _ = try await transcoder.transcode(file, to: format, quality: nil)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: PictureFormat.allCases)
    func `a file that ends too early is an error, wherever it ends`(format: PictureFormat) async {
        let whole = Samples.file(format, PixelSize(64, 48))

        // The last two bytes of a JPEG are its end mark, which decoders do without.
        for length in stride(from: 0, to: whole.readableBytes - 2, by: max(1, whole.readableBytes / 97)) {
            let error = await error(of: whole.getSlice(at: 0, length: length) ?? ByteBuffer())
            #expect(error?.message.contains("damaged") == true, "\(length) bytes")
        }
    }

    @Test(arguments: ["", "GIF89a", "<svg xmlns='http://www.w3.org/2000/svg'/>", "\u{89}PNG", "RIFF____WEBPVP8X"])
    func `what is no picture is an error`(text: String) async {
        #expect(await error(of: ByteBuffer(string: text)) != nil)
    }

    @Test(arguments: [50_000, 16_384, 9_500])
    func `a picture that says it is enormous is refused before it takes memory`(side: Int) async {
        var bomb = PNGSample(width: 1, height: 1) { _, _ in [0, 0, 0] }.file
        bomb.setBytes(PNGSample.number(side) + PNGSample.number(side), at: 16)

        #expect(
            await error(of: bomb)?.message == "The picture has \(side)x\(side) pixels, too many to be encoded anew."
        )
    }

    @Test func `what hides its size behind a smaller one is refused by the decoder`() async {
        // The header that is read first says 16 x 16; the frame inside says 16,000 x 16,000.
        var bytes = Array("RIFF".utf8) + [60, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 0, 0, 0, 0]
        bytes += [15, 0, 0, 15, 0, 0] + Array("VP8L".utf8) + [20, 0, 0, 0, 0x2F, 0x7F, 0xBE, 0x9F, 0x0F]
        bytes += [UInt8](repeating: 0, count: 15)

        #expect(await error(of: ByteBuffer(bytes: bytes)) != nil)
    }

    @Test func `an animation is refused in words of its own`() async throws {
        var bytes = Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBPVP8X".utf8) + [10, 0, 0, 0, 2, 0, 0, 0]
        bytes += [15, 0, 0, 15, 0, 0] + Array("ANIM".utf8) + [6, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        bytes[4] = UInt8(bytes.count - 8)

        #expect(await error(of: ByteBuffer(bytes: bytes))?.message.contains("animated") == true)
    }

    @Test(arguments: [(PictureFormat.webp, 16_384), (.jpeg, 65_501)])
    func `what is too long for a format is refused in words of its own`(format: PictureFormat, side: Int) async {
        let long = PNGSample(width: side, height: 1) { _, _ in [1, 2, 3] }.file

        let sentence = await error(of: long, to: format)?.message

        #expect(sentence?.contains("pixels a side, not \(side)") == true)
        #expect(await error(of: long, to: .png) == nil)
    }

    @Test(arguments: PictureFormat.allCases)
    func `random damage never crashes, and what is made of it is a picture`(format: PictureFormat) async {
        var random = Generator(state: 0x5EED)
        let originals = [
            Samples.file(format, PixelSize(40, 30)), Samples.file(format, PixelSize(40, 30), hasAlpha: true),
        ]
        for round in 0..<600 {
            var bytes = Array(originals[round % 2].readableBytesView)
            for _ in 0...Int.random(in: 0..<8, using: &random) {
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.remove(at: Int.random(in: 12..<bytes.count, using: &random))
                case 1: bytes.insert(0xFF, at: Int.random(in: 12..<bytes.count, using: &random))
                default: bytes[Int.random(in: 12..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
            }
            let target = PictureFormat.allCases[round % 3]
            guard let made = try? await transcoder.transcode(ByteBuffer(bytes: bytes), to: target, quality: 50) else {
                continue
            }
            #expect(PictureHeader(made.readableBytesView)?.format == target, "round \(round)")
        }
    }

    /// Numbers that are the same on every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import CTurboJPEG
import CWebP
import GatewayCore
import NIOCore
import Testing

@testable import GatewayPictures

@Suite struct MetadataTests {
    let transcoder = LibraryTranscoder()

    /// What the four corners look like when the orientation is respected: the stored ones are A B / C D.
    static let corners: [(orientation: Int, corners: String)] = [
        (1, "ABCD"), (2, "BADC"), (3, "DCBA"), (4, "CDAB"), (5, "ACBD"), (6, "CADB"), (7, "DBCA"), (8, "BDAC"),
        (0, "ABCD"), (9, "ABCD"),
    ]

    @Test(arguments: corners, [true, false])
    func `a JPEG is turned as its EXIF data says`(
        wish: (orientation: Int, corners: String),
        isLittle: Bool
    ) async throws {
        let size = PixelSize(32, 16)
        let lights: [Character: UInt8] = ["A": 10, "B": 90, "C": 170, "D": 250]
        let pixels = (0..<(32 * 16)).map { place -> UInt8 in
            let letter: Character = place / 32 < 8 ? (place % 32 < 16 ? "A" : "B") : (place % 32 < 16 ? "C" : "D")
            return lights[letter] ?? 0
        }
        let plain = Samples.jpeg(pixels, size, TJPF_GRAY, TJSAMP_GRAY)
        let exif = Array("Exif\0\0".utf8) + Samples.exif(wish.orientation, isLittle: isLittle)

        let made = try await transcoder.transcode(Samples.adding(exif, 0xE1, to: plain), to: .png, quality: nil)

        let turned = (5...8).contains(wish.orientation) ? PixelSize(16, 32) : size
        #expect(PictureHeader(made.readableBytesView)?.size == turned)
        let seen = Samples.look(made)
        let places = [0, turned.width - 1, (turned.height - 1) * turned.width, turned.height * turned.width - 1]
        for (place, letter) in zip(places, wish.corners) {
            #expect(abs(Int(seen[place * 4]) - Int(lights[letter] ?? 0)) <= 3, "\(letter)")
        }
        #expect(!made.readableBytesView.contains("Exif"))
    }

    @Test func `a PNG is turned as its EXIF data says`() async throws {
        var sample = PNGSample(width: 3, height: 2) { x, y in [x * 80, y * 200, 7] }
        sample.chunks = [("eXIf", Samples.exif(6, isLittle: false))]

        let made = try await transcoder.transcode(sample.file, to: .png, quality: nil)

        #expect(PictureHeader(made.readableBytesView)?.size == PixelSize(2, 3))
        #expect(Array(Samples.look(made).prefix(8)) == [0, 200, 7, 255, 0, 0, 7, 255])
    }

    @Test(arguments: PictureFormat.allCases, PictureFormat.allCases)
    func `a color profile is carried over`(from: PictureFormat, to: PictureFormat) async throws {
        // Larger than one segment of a JPEG.
        let profile = Samples.profile("RGB ", length: 70_000)
        let file = try withProfile(profile, from)

        let made = try await transcoder.transcode(file, to: to, quality: nil)
        let again = try await transcoder.transcode(made, to: .jpeg, quality: nil)

        #expect(!Samples.look(made).isEmpty)
        let segments = again.withUnsafeReadableBytes { JPEGSegments($0) }
        #expect(segments.profile == profile)
    }

    @Test func `a profile of other colors is left behind`() async throws {
        let file = try withProfile(Samples.profile("CMYK", length: 4000), .jpeg)

        let made = try await transcoder.transcode(file, to: .jpeg, quality: nil)

        #expect(!made.readableBytesView.contains("ICC_PROFILE"))
    }

    @Test(arguments: PictureFormat.allCases)
    func `places and comments are left behind`(to: PictureFormat) async throws {
        var file = Samples.file(.jpeg, PixelSize(16, 16))
        file = Samples.adding(Array("Exif\0\0GPS 48.1 N".utf8), 0xE1, to: file)
        file = Samples.adding(Array("SECRET comment".utf8), 0xFE, to: file)
        var sample = PNGSample(width: 4, height: 4) { _, _ in [1, 2, 3] }
        sample.chunks = [("tEXt", Array("Comment\0SECRET".utf8))]

        for picture in [file, sample.file] {
            let made = try await transcoder.transcode(picture, to: to, quality: nil)

            #expect(!made.readableBytesView.contains("GPS"))
            #expect(!made.readableBytesView.contains("SECRET"))
        }
    }

    /// A picture of a format that carries a profile.
    private func withProfile(_ profile: [UInt8], _ format: PictureFormat) throws -> ByteBuffer {
        switch format {
        case .png:
            var sample = PNGSample(width: 16, height: 16) { x, y in [x * 16, y * 16, 9] }
            sample.chunks = [("iCCP", Array("mine\0\0".utf8) + PNGSample.stored(profile))]
            return sample.file
        case .jpeg:
            let plain = Samples.file(.jpeg, PixelSize(16, 16))
            let pieces = [Array(profile.prefix(40_000)), Array(profile.dropFirst(40_000))].filter { !$0.isEmpty }
            // The later segment is put in first, so that it stands behind the other.
            return pieces.enumerated().reversed().reduce(plain) { file, piece in
                let numbers = [UInt8(piece.offset + 1), UInt8(pieces.count)]
                return Samples.adding(Array("ICC_PROFILE\0".utf8) + numbers + piece.element, 0xE2, to: file)
            }
        case .webp:
            let plain = Array(Samples.file(.webp, PixelSize(16, 16)).readableBytesView)
            var data = plain.withUnsafeBufferPointer { WebPData(bytes: $0.baseAddress, size: $0.count) }
            let mux = try #require(plain.withUnsafeBufferPointer { _ in WebPMuxCreate(&data, 1) })
            defer { WebPMuxDelete(mux) }
            return profile.withUnsafeBufferPointer { bytes in
                var (chunk, whole) = (WebPData(bytes: bytes.baseAddress, size: bytes.count), WebPData())
                WebPMuxSetChunk(mux, "ICCP", &chunk, 1)
                WebPMuxAssemble(mux, &whole)
                defer { WebPDataClear(&whole) }
                return ByteBuffer(bytes: UnsafeRawBufferPointer(start: whole.bytes, count: whole.size))
            }
        }
    }
}

extension ByteBufferView {
    func contains(_ text: String) -> Bool { firstRange(of: Array(text.utf8)) != nil }
}

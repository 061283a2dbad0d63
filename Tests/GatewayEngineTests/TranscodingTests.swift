// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import NIOCore
import Testing

/// Pictures in another format than the vendor's.
@Suite struct TranscodingTests {
    /// Says of every picture that it is a JPEG or PNG now, one pixel wider for each grade of quality.
    struct Painter: PictureTranscoder {
        var isBroken = false

        func transcode(
            _ picture: ByteBuffer,
            to format: PictureFormat,
            quality: Int?
        ) async throws(TranscodingError) -> ByteBuffer {
            guard !isBroken, let header = PictureHeader(picture.readableBytesView) else {
                throw TranscodingError("It is damaged.")
            }
            let width = header.size.width + (quality ?? 0)
            return format == .jpeg ? Picture.jpeg(width) : Picture.png(width)
        }
    }

    static let url = "https://pictures.vendor.example/a"
    static let web = ReplayTransport { _ in .response(TransportResponse(status: 200, body: Picture.png(640))) }

    static func draw(
        _ vendor: FakeVendor,
        _ painter: Painter? = Painter(),
        mode: ParameterMode = .nearest,
        needsLink: Bool = true
    ) async throws -> (ImageTask, Bench) {
        let bench = Bench(vendor.provider("a"), mode: mode, web: web, transcoder: painter)
        let task = try await bench.create(needsLink: needsLink, node: "node-1") { draft in
            draft.outputFormat = "jpeg"
            draft.outputCompression = 60
        }
        return (try await bench.run(task), bench)
    }

    @Test(arguments: [ParameterMode.nearest, .strict], [true, false])
    func `a picture comes in the wished format although the vendor has another`(
        mode: ParameterMode,
        isRemote: Bool
    ) async throws {
        let vendor = FakeVendor.saying(isRemote ? .addresses(Self.url) : .pictures(640))

        let (task, bench) = try await Self.draw(vendor, mode: mode)

        #expect(task.status == .completed)
        #expect(task.headers == [PictureHeader(format: .jpeg, size: PixelSize(700, 8))])
        #expect(task.warnings.isEmpty)
        #expect(task.pictures.first?.key.hasSuffix(".jpg") == true)
        #expect(bench.objects.objects.values.map(\.contentType) == ["image/jpeg"])
        #expect(task.pictures.map(\.bytes) == bench.objects.objects.values.map(\.length))
    }

    @Test(arguments: [nil, Painter(isBroken: true)], [true, false])
    func `what cannot be brought there comes as it is, and says so`(
        painter: Painter?,
        isRemote: Bool
    ) async throws {
        let vendor = FakeVendor.saying(isRemote ? .addresses(Self.url) : .pictures(640))

        let (task, _) = try await Self.draw(vendor, painter)

        #expect(task.status == .completed)
        #expect(task.headers.map(\.format) == [.png])
        #expect(task.warnings.count { $0.contains("jpeg") } == 1)
    }

    @Test func `without a transcoder a strict gateway asks nobody`() async throws {
        let vendor = FakeVendor.saying(.pictures(640))

        let (task, _) = try await Self.draw(vendor, nil, mode: .strict)

        #expect(task.failure?.code == .unsupportedParameter)
        #expect(vendor.ledger.submissions == 0)
    }

    @Test func `an input comes to a vendor in a format it takes`() async throws {
        // The fake vendor takes PNG and JPEG.
        let vendor = FakeVendor.saying(.pictures(1))
        let bench = Bench(vendor.provider("a"), transcoder: Painter())
        let task = try await InputTests.create(bench, [.upload(InputTests.header(10), bytes: 1)])
        var webp = ByteBuffer(string: "RIFF")
        webp.writeInteger(UInt32(30), endianness: .little)
        webp.writeString("WEBPVP8X")
        webp.writeInteger(UInt32(10), endianness: .little)
        webp.writeBytes([0, 0, 0, 0, 9, 0, 0, 7, 0, 0])
        let input = try #require(InputPicture(webp))

        try await bench.run(task, uploads: [input])

        #expect(input.header.format == .webp)
        #expect(vendor.ledger.calls.first?.inputs.map(\.header) == [InputTests.header(10)])
    }
}

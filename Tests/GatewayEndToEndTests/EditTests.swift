// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import HTTPTypes
import NIOCore
import Testing

/// Edits from the caller's bytes to the vendor's: the ledger tells which pictures came.
@Suite struct EditTests {
    static let edits = 40

    @Test func `pictures of edits survive a kill and reach the vendor, each with its own prompt`() async throws {
        let fixture = try await FourVendors(latency: "1500ms")
        var gateway = try await fixture.startGateway()

        let ids = try await fixture.fixture.create(Self.edits, path: "/v1/images/edits/async", clients: 16) { number in
            [
                "model": number % 2 == 0 ? "gemini-2.5-flash-image" : "gpt-image-2", "prompt": JSON("edit \(number)"),
                "image": JSON(SamplePicture.dataURL(shade: UInt8(number))),
            ]
        }
        #expect(try inputs(of: fixture) > 0)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...900)))
        await gateway.end(SIGKILL)
        gateway = try await fixture.startGateway()
        let tasks = try await fixture.fixture.finished(ids, within: .seconds(60))

        #expect(tasks.values.count { $0["status"]?.string == "completed" } == Self.edits)
        let entries = try await fixture.ledger()["entries"]?.array ?? []
        for number in 0..<Self.edits {
            let mine = entries.filter { $0["prompt"]?.string == "edit \(number)" }
            let checksum = SamplePicture.checksum(SamplePicture.png(shade: UInt8(number)))
            #expect(!mine.isEmpty && mine.allSatisfy { $0["inputs"] == [JSON(checksum)] }, "edit \(number): \(mine)")
            #expect(mine.reduce(0) { $0 + ($1["calls_billed"]?.integer ?? 0) } <= 2)
        }
        // They are deleted right behind the end of their task.
        for _ in 0..<100 where try inputs(of: fixture) > 0 { try await Task.sleep(for: .milliseconds(50)) }
        #expect(try inputs(of: fixture) == 0)
        await gateway.end()
        await fixture.end()
    }

    /// How many input pictures lie in the store.
    private func inputs(of fixture: FourVendors) throws -> Int {
        let folder = fixture.fixture.folder.appending(path: "data/images/objects/inputs").path
        guard FileManager.default.fileExists(atPath: folder) else { return 0 }
        return try FileManager.default.subpathsOfDirectory(atPath: folder).count { $0.hasSuffix(".png") }
    }

    @Test func `the form of the official Node client, byte for byte, reaches the vendor whole`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        let boundary = "----formdata-undici-057602209840"
        var body = ByteBuffer()
        let names =
            ["first.png\"\r\nContent-Type: image/png", "sec%22ond.png\"\r\nContent-Type: application/octet-stream"]
            + ["blob\"\r\nContent-Type: application/octet-stream"]
        for (place, name) in names.enumerated() {
            body.writeString(
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"\(name)\r\n\r\n"
            )
            body.writeBytes(SamplePicture.png(shade: UInt8(place)))
            body.writeString("\r\n")
        }
        for (name, text) in [
            ("prompt", "pé"), ("model", "gemini-2.5-flash-image"), ("n", "2"), ("metadata[order]", "7"),
        ] {
            body.writeString("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(text)\r\n")
        }
        body.writeString("--\(boundary)--\r\n")

        let answer = try await fixture.post(.bytes([body]), type: "multipart/form-data; boundary=\(boundary)")

        #expect(answer.status == 200, "\(answer.json)")
        #expect(answer.json["data"]?.array?.count == 2)
        let entry = try await fixture.ledger()["entries"]?.array?.first
        #expect(entry?["prompt"]?.string == "pé")
        #expect(entry?["calls"]?.integer == 2)
        let checksums = (0..<3).map { JSON(SamplePicture.checksum(SamplePicture.png(shade: UInt8($0)))) }
        #expect(entry?["inputs"] == .array(checksums))
        await gateway.end()
        await fixture.end()
    }

    @Test(arguments: ["gemini", "gpt-image"])
    func `every vendor that edits gets all the pictures in their order`(family: String) async throws {
        for order in ["google, hingnet", "hingnet, google"] {
            let fixture = try await FourVendors(firstForGemini: order)
            let gateway = try await fixture.startGateway()
            let shades: [UInt8] = [9, 3, 5]
            let answer = try await fixture.fixture.call(
                .post,
                "/v1/images/edits",
                [
                    "model": JSON(FourVendors.models[family] ?? ""), "prompt": "a hat",
                    "images": .array(shades.map { ["image_url": JSON(SamplePicture.dataURL(shade: $0))] }),
                ]
            )

            #expect(answer.status == 200, "\(answer.json)")
            let entries = try await fixture.ledger()["entries"]?.array ?? []
            #expect(entries.count == 1)
            let checksums = shades.map { JSON(SamplePicture.checksum(SamplePicture.png(shade: $0))) }
            #expect(entries.first?["inputs"] == .array(checksums), "\(order)")
            await gateway.end()
            await fixture.end()
        }
    }
}

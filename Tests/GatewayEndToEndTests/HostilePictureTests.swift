// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Testing

/// Pictures that are too large, without end, or none at all, from callers and from vendors, eight at a time.
@Suite(.serialized) struct HostilePictureTests {
    static let atOnce = 8

    static let refusals: Set<String> = ["invalid_image", "payload_too_large"]

    @Test func `callers' pictures that are none are refused, and memory stays flat`() async throws {
        let web = try HostileWeb()
        let fixture = try await GatewayFixture { vendors in
            GatewayFixture.google(vendors) + "\nfetch: { allow: [127.0.0.0/8] }"
        }
        let gateway = try await fixture.startGateway()
        let good = try await fixture.edit(["prompt": "a hat"], image: SamplePicture.png(shade: 1))
        #expect(good.status == 200)
        let before = gateway.peakMemory

        for picture in HostilePicture.allCases {
            let answers = try await withThrowingTaskGroup(of: [(way: String, status: Int, json: JSON)].self) { group in
                for _ in 0..<Self.atOnce {
                    group.addTask {
                        let byURL = try await fixture.call(
                            .post,
                            "/v1/images/edits",
                            Self.edit("\(web.base)/\(picture)")
                        )
                        let sent = try await Self.upload(picture, fixture)
                        return [("URL", byURL.status, byURL.json), ("upload", sent.status, sent.json)]
                            + (try await Self.dataURL(picture, fixture).map { [("data URL", $0.status, $0.json)] } ?? [])
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            for (way, status, json) in answers {
                let code = json["error"]?["code"]?.string ?? "none"
                #expect(status == 400 || status == 413, "\(picture) as \(way): \(status) \(json)")
                #expect(Self.refusals.contains(code), "\(picture) as \(way): \(code)")
            }
        }
        // Nothing but the good one was shown to a vendor.
        #expect(try await fixture.ledger()["calls"]?.integer == 1)
        Self.expectFlat(gateway, before, limit: 50, "callers' pictures")
        web.stop()
        await gateway.end()
        await fixture.end()
    }

    @Test func `vendors' pictures in base64 that are none are refused, and memory stays flat`() async throws {
        let web = try HostileWeb()
        let names = HostilePicture.allCases.map { "hostile-\($0)" }
        let fixture = try await GatewayFixture { vendors in
            """
            providers:
              - { name: hostile, kind: gemini, base_url: "\(web.base)", api_keys: [some-key], resubmit_unknown: never,
                  models: { \(names.map { "\($0): \($0)" }.joined(separator: ", ")) } }
              - { name: good, kind: gemini, base_url: "\(vendors)", api_keys: [emulated-good],
                  models: { good: gemini-2.5-flash-image } }
            routes: [ { match: hostile-, providers: [hostile] }, { match: good, providers: [good] } ]
            """
        }
        let gateway = try await fixture.startGateway()
        let good = try await fixture.call(.post, "/v1/images/generations", ["model": "good", "prompt": "a fox"])
        #expect(good.status == 200)
        let before = gateway.peakMemory

        for name in names {
            let answers = try await withThrowingTaskGroup(of: (Int, JSON).self) { group in
                for number in 0..<Self.atOnce {
                    group.addTask {
                        let order: JSON = ["model": JSON(name), "prompt": JSON("a fox \(number)")]
                        // Half of the callers wait, the others want links.
                        if number % 2 == 0 {
                            let answer = try await fixture.call(.post, "/v1/images/generations", order)
                            return (answer.status, answer.json)
                        }
                        let ids = try await fixture.create(1, clients: 1) { _ in order }
                        return (502, try await fixture.finished(ids, within: .seconds(100)).values.first ?? .null)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for (status, json) in answers {
                let code = json["error"]?["code"]?.string ?? "none"
                // A breaker that has opened meanwhile sends nobody there any more.
                let isExpected = status == 502 && Self.refusals.contains(code) || code == "provider_unavailable"
                #expect(isExpected, "\(name): \(status) \(json)")
            }
            #expect(answers.contains { Self.refusals.contains($0.1["error"]?["code"]?.string ?? "") }, "\(name)")
        }
        Self.expectFlat(gateway, before, limit: 128, "vendors' base64")
        web.stop()
        await gateway.end()
        await fixture.end()
    }

    @Test func `vendors' pictures at addresses that are none are refused, and memory stays flat`() async throws {
        let faults: [String: [String]] = [
            "gemini-2.5-flash-image": [
                "result-huge", "result-endless", "result-tiny", "result-text", "result-svg", "huge-header",
            ],
            "gpt-image-2": [
                "asset-huge", "asset-endless", "asset-tiny", "asset-empty", "asset-text", "asset-svg",
                "asset-truncated",
                "huge-header",
            ],
        ]
        let fixture = try await FourVendors(firstForGemini: "hingnet, google", resubmit: "never")
        let gateway = try await fixture.startGateway()
        let well = try await fixture.create(2, model: "gemini-2.5-flash-image")
        #expect(try await fixture.outcomes(of: well, within: .seconds(30)) == ["completed": 2])
        let before = gateway.peakMemory

        for (model, names) in faults {
            for name in names {
                let ids = try await fixture.fixture.create(Self.atOnce, clients: Self.atOnce) { number in
                    ["model": JSON(model), "prompt": JSON("[emulate:\(name)] \(model) \(number)")]
                }
                for task in try await fixture.fixture.finished(ids, within: .seconds(60)).values {
                    #expect(Self.refusals.contains(task["error"]?["code"]?.string ?? "none"), "\(name): \(task)")
                    #expect(task["attempts"]?.array?.count == 1, "\(name)")
                }
            }
        }
        #expect(try await fixture.mostPurchases() == 1)
        Self.expectFlat(gateway, before, limit: 64, "vendors' addresses")
        await gateway.end()
        await fixture.end()
    }

    /// What tells its length is refused by it.
    ///
    /// What does not is read up to the limit of one picture or answer: eight at once hold eight times that and some
    /// buffers, however much is sent, and however often.
    private static func expectFlat(_ gateway: RunningProgram, _ before: Int, limit: Int, _ what: String) {
        let growth = (gateway.peakMemory - before) >> 20
        #expect(growth < atOnce * limit + 64, "\(what): \(growth) MiB more")
        print("hostile, \(what): peak memory \(before >> 20) MiB before, \(gateway.peakMemory >> 20) MiB after")
    }

    private static func edit(_ image: String) -> JSON {
        ["model": "gemini-2.5-flash-image", "prompt": "a hat", "image": JSON(image)]
    }

    /// As a file of a form; the long ones are made while they are sent.
    private static func upload(_ picture: HostilePicture, _ fixture: GatewayFixture) async throws -> (
        status: Int, json: JSON
    ) {
        guard picture == .huge || picture == .endless else {
            return try await fixture.edit(["prompt": "a hat"], image: picture.beginning)
        }
        let head = "--edge\r\nContent-Disposition: form-data; name=\"image\"; filename=\"in.png\"\r\n\r\n"
        let start = ByteBuffer(bytes: Data(head.utf8) + picture.beginning)
        let piece = ByteBuffer(repeating: 0x5A, count: 1 << 20)
        // What has no end has at least one that nobody will see.
        let length = picture.length ?? 1 << 40
        let pieces = Pieces(start, piece, length)
        let chunks = AsyncThrowingStream<ByteBuffer, any Error> { await pieces.next() }
        return try await fixture.post(.stream(length: length, chunks), type: "multipart/form-data; boundary=edge")
    }

    private static func dataURL(_ picture: HostilePicture, _ fixture: GatewayFixture) async throws
        -> (status: Int, json: JSON)?
    {
        guard picture != .huge, picture != .endless else { return nil }
        let url = SamplePicture.dataURL(picture.beginning)
        let answer = try await fixture.call(.post, "/v1/images/edits", edit(url))
        return (answer.status, answer.json)
    }
}

/// A body of so many bytes, one piece after the other.
private actor Pieces {
    private let start: ByteBuffer
    private let piece: ByteBuffer
    private var rest: Int
    private var isBegun = false

    init(_ start: ByteBuffer, _ piece: ByteBuffer, _ length: Int) {
        self.start = start
        self.piece = piece
        rest = length
    }

    func next() -> ByteBuffer? {
        guard rest > 0 else { return nil }
        let whole = isBegun ? piece : start
        isBegun = true
        let length = min(rest, whole.readableBytes)
        rest -= length
        return whole.getSlice(at: whole.readerIndex, length: length)
    }
}

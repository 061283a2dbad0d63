// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct LinkPresentationTests {
    @Test(arguments: LinkDisposition.allCases)
    func `a link says what a browser shall do, under the picture's own name`(disposition: LinkDisposition) throws {
        let link = try S3LinkTests.link("2026/11/21/image_1-0.png") { $0.presentation.disposition = disposition }

        let value = "\(disposition.rawValue)%3B%20filename%3D%22image_1-0.png%22"
        #expect(link.contains("&response-content-disposition=\(value)&X-Amz-Signature="))
        #expect(!link.contains("response-content-type"))
    }

    @Test(arguments: [("a.png", "image%2Fpng"), ("a.jpg", "image%2Fjpeg"), ("a.webp", "image%2Fwebp")])
    func `a link says the media type of its name`(name: String, type: String) throws {
        let link = try S3LinkTests.link(name) { $0.presentation.statesContentType = true }

        #expect(link.contains("&response-content-type=\(type)&"))
        #expect(!link.contains("response-content-disposition"))
    }

    @Test func `what a link says is signed`() throws {
        let links = try [LinkDisposition.inline, .attachment].map { disposition in
            try S3LinkTests.link("a.png") { $0.presentation.disposition = disposition }
        }

        #expect(links[0].suffix(64) != links[1].suffix(64))
    }

    @Test func `a folder's files say the same by their headers`() async throws {
        let folder = try TemporaryFolder()
        let store = try LocalObjectStore(
            path: folder.path,
            publicURL: LocalFixture.base,
            presentation: LinkPresentation(disposition: .attachment)
        )
        let key = try LocalFixture.key("2026/a.png")
        try await store.put(ObjectBody(contentType: "image/png", buffers: [ByteBuffer(string: "x")]), at: key)
        let link = try store.link(to: key, signedAt: LocalFixture.moment, lifetime: .seconds(60))
        let parts = link.dropFirst("\(LocalFixture.base)/files/".count).split(separator: "?")

        let file = try await store.open(path: String(parts[0]), query: String(parts[1]), now: LocalFixture.moment)

        #expect(file.disposition == "attachment; filename=\"a.png\"")
    }
}

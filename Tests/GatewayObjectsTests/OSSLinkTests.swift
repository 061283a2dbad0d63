// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayObjects

/// What links to OSS say about their pictures.
@Suite struct OSSLinkTests {
    private static let moment = OSSObjectStoreTests.moment

    private static func link(
        _ signature: OSSSettings.Signature,
        _ presentation: LinkPresentation,
        at moment: Timestamp = moment
    ) throws -> String {
        let store = try OSSObjectStoreTests.store(FakeTransport(.fine)) {
            $0.signature = signature
            $0.presentation = presentation
        }
        let key = try #require(ObjectKey("2026/11/21/image_1-0.webp"))
        return try store.link(to: key, signedAt: moment, lifetime: .seconds(86_400))
    }

    @Test(arguments: OSSSettings.Signature.allCases, LinkDisposition.allCases)
    func `a link says what a browser shall do, and the media type`(
        signature: OSSSettings.Signature,
        disposition: LinkDisposition
    ) throws {
        let link = try Self.link(signature, LinkPresentation(disposition: disposition, statesContentType: true))

        let value = "\(disposition.rawValue)%3B%20filename%3D%22image_1-0.webp%22"
        #expect(
            link.contains("&response-content-disposition=\(value)&")
                || link.contains("?response-content-disposition=\(value)&")
        )
        #expect(link.contains("response-content-type=image%2Fwebp&"))
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `what a link says is signed, and a link that says nothing is as before`(signature: OSSSettings.Signature)
        throws
    {
        let presentations = [
            LinkPresentation(), LinkPresentation(disposition: .inline), LinkPresentation(disposition: .attachment),
            LinkPresentation(statesContentType: true),
            LinkPresentation(disposition: .inline, statesContentType: true),
        ]

        let links = try presentations.map { try Self.link(signature, $0) }
        let signatures = links.map { link in link.split(separator: "ignature=").last.map(String.init) ?? "" }

        #expect(Set(signatures).count == presentations.count)
        #expect(!links[0].contains("response-"))
    }

    @Test(arguments: OSSSettings.Signature.allCases)
    func `every read gives the same link, and it ends at the second that is promised`(
        signature: OSSSettings.Signature
    ) throws {
        let presentation = LinkPresentation(disposition: .attachment, statesContentType: true)
        let later = Timestamp(milliseconds: Self.moment.milliseconds + 999)

        let links = try [Self.moment, Self.moment, later].map { try Self.link(signature, presentation, at: $0) }

        #expect(Set(links).count == 1)
        let end =
            signature == .v1
            ? "&Expires=\(Self.moment.seconds + 86_400)&" : "&x-oss-date=20231216T162057Z&x-oss-expires=86400&"
        #expect(links[0].contains(end))
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// Forms byte for byte as clients write them, recorded from the clients; only the pictures were put in.
@Suite struct ClientFormTests {
    /// A form as a client writes it; `{1}`, `{2}` … stand for pictures of that many pixels in width.
    struct Recorded: Sendable, CustomTestStringConvertible {
        let client: String
        let boundary: String
        let text: String
        let widths: [Int]
        var testDescription: String { client }

        var body: ByteBuffer {
            var body = ByteBuffer()
            var rest = text.replacing("\n", with: "\r\n")[...]
            while let start = rest.firstIndex(of: "{"), let end = rest[start...].firstIndex(of: "}") {
                body.writeString(String(rest[..<start]))
                let width = UInt32(rest[rest.index(after: start)..<end]) ?? 0
                body.writeImmutableBuffer(TestPicture.png(width))
                rest = rest[rest.index(after: end)...]
            }
            body.writeString(String(rest))
            return body
        }
    }

    /// openai 3.54.0 for Python on httpx: fields first, a file's name guessed, a list as `image[]`.
    static let python = Recorded(
        client: "openai for Python",
        boundary: "aef65f02604ba5aa21228f853fac9e51",
        text: """
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="prompt"

            pé
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="model"

            editor
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="n"

            2
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="stream"

            false
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="metadata[order]"

            7
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="image[]"; filename="upload"
            Content-Type: application/octet-stream

            {1}
            --aef65f02604ba5aa21228f853fac9e51
            Content-Disposition: form-data; name="image[]"; filename="t.webp"
            Content-Type: image/webp

            {2}
            --aef65f02604ba5aa21228f853fac9e51--

            """,
        widths: [1, 2]
    )

    /// The form data of Node 20 (undici), as the official client for Node sends it.
    static let node = Recorded(
        client: "openai for Node",
        boundary: "----formdata-undici-057602209840",
        text: """
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="image[]"; filename="first.png"
            Content-Type: image/png

            {1}
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="image[]"; filename="sec%22ond.png"
            Content-Type: application/octet-stream

            {2}
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="image[]"; filename="blob"
            Content-Type: application/octet-stream

            {3}
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="prompt"

            pé
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="model"

            editor
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="n"

            2
            ------formdata-undici-057602209840
            Content-Disposition: form-data; name="metadata[order]"

            7
            ------formdata-undici-057602209840--

            """,
        widths: [1, 2, 3]
    )

    /// curl -F model=… -F image=@in.png -F 'image[]=@two.png;type=image/png'.
    static let curl = Recorded(
        client: "curl",
        boundary: "------------------------d74496d66958873e",
        text: """
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="model"

            editor
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="prompt"

            pé
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="n"

            2
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="metadata[order]"

            7
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="image"; filename="in.png"
            Content-Type: image/png

            {1}
            --------------------------d74496d66958873e
            Content-Disposition: form-data; name="image[]"; filename="two.png"
            Content-Type: image/png

            {2}
            --------------------------d74496d66958873e--

            """,
        widths: [1, 2]
    )

    @Test(arguments: [python, node, curl])
    func `a client's form is read as its user meant it`(recorded: Recorded) async throws {
        let gateway = TestGateway()
        let type = "multipart/form-data; boundary=\(recorded.boundary)"
        let answer = try await gateway.run { client in
            try await client.ask(.post, Call.edited, headers: ["content-type": type], body: recorded.body)
        }
        #expect(answer.status == 200, "\(answer.text)")
        let request = try #require(gateway.store.all.first?.request)
        #expect(request.prompt == "pé")
        #expect(request.count == 2)
        #expect(request.metadata == ["order": "7"])
        let header = { PictureHeader(format: .png, size: PixelSize($0, 48)) }
        #expect(request.inputs == recorded.widths.map { .upload(header($0), bytes: 300) })
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import NIOCore

/// The answer of a synchronous call, in the shape of the OpenAI Images API.
struct ImagesView {
    let task: ImageTask

    /// A link to a picture, and the prompt as the vendor rewrote it.
    typealias Link = (url: String, revisedPrompt: String?)

    /// An answer with links.
    func response(links: [Link]) -> Response {
        let data = links.map { link in
            JSON(present: ["url": JSON(link.url), "revised_prompt": link.revisedPrompt.map { JSON($0) }])
        }
        return Response(json: .object([JSON.Member("created", created), JSON.Member("data", .array(data))] + facts))
    }

    /// An answer with the pictures themselves: their base64 is written from where it lies, JSON is only built around it.
    func response(pictures: [DeliveredPicture]) -> Response {
        var buffers: [ByteBuffer] = []
        var text = ByteBuffer()
        text.writeString("{\"created\":")
        text.writeJSON(created)
        text.writeString(",\"data\":[")
        for (place, picture) in pictures.enumerated() {
            text.writeString(place == 0 ? "{\"b64_json\":\"" : ",{\"b64_json\":\"")
            buffers += [text, picture.base64]
            text = ByteBuffer(string: "\"")
            if let revisedPrompt = picture.revisedPrompt {
                text.writeString(",\"revised_prompt\":")
                text.writeJSONString(revisedPrompt)
            }
            text.writeString("}")
        }
        text.writeString("]")
        for fact in facts {
            text.writeString(",")
            text.writeJSONString(fact.name)
            text.writeString(":")
            text.writeJSON(fact.value)
        }
        text.writeString("}")
        buffers.append(text)
        return Response(
            status: .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: Self.body(buffers)
        )
    }

    /// Up to this size an answer is copied together, because it is sent at once then: pieces are handed to the connection
    /// one after the other, with a way to its thread for each.
    private static let small = 64 << 10

    private static func body(_ buffers: [ByteBuffer]) -> ResponseBody {
        let length = buffers.reduce(0) { $0 + $1.readableBytes }
        guard length <= small else { return ResponseBody(contentsOf: buffers) }
        var whole = ByteBufferAllocator().buffer(capacity: length)
        for buffer in buffers { whole.writeImmutableBuffer(buffer) }
        return ResponseBody(byteBuffer: whole)
    }

    var created: JSON { JSON((task.completedAt ?? task.createdAt).seconds) }

    /// What was delivered, as far as it is known.
    private var facts: [JSON.Member] {
        let header = task.headers.first
        let facts = JSON(present: [
            "output_format": header.map { JSON($0.format.rawValue) },
            "size": header.map { JSON($0.size.description) },
            "usage": task.usage.map(TaskView.usage),
            "warnings": task.warnings.isEmpty ? nil : .array(task.warnings.map { JSON($0) }),
            "task_id": JSON(task.id.description),
        ])
        return facts.members ?? []
    }
}

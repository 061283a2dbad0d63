// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// The events of a streamed call, in the shape of the OpenAI Images API.
struct PictureEvents {
    private let name: String
    private let views: TaskViews

    init(_ kind: ImageRequest.Kind, views: TaskViews) {
        name = kind == .edit ? "image_edit.completed" : "image_generation.completed"
        self.views = views
    }

    /// What is written for an outcome: base64 from where it lies.
    func buffers(_ result: Result<SynchronousCall.Outcome, any Error>) -> [ByteBuffer] {
        switch result {
        case .success(.pictures(let task, let pictures, _)):
            return pictures.enumerated().flatMap { place, picture in
                event(task, place, of: pictures.count, picture.revisedPrompt, "b64_json", picture.base64)
            }
        case .success(.links(let task, let links)):
            return links.enumerated().flatMap { place, link in
                event(task, place, of: links.count, link.revisedPrompt, "url", ByteBuffer(string: link.url))
            }
        case .success(.goesOn(let task)): return [failure(.stillRunning(at: views.path(of: task)))]
        case .failure(let error): return [failure(APIError.of(error) ?? .unforeseen)]
        }
    }

    /// One picture.
    ///
    /// - Parameters:
    ///   - task: Its task.
    ///   - place: Which of the task's pictures it is.
    ///   - count: How many there are; the last carries the usage of all, and says what is missing.
    ///   - revisedPrompt: The prompt as the vendor rewrote it.
    ///   - member: How the picture is carried.
    ///   - content: The picture: base64, or a link; neither needs escaping.
    private func event(
        _ task: ImageTask,
        _ place: Int,
        of count: Int,
        _ revisedPrompt: String?,
        _ member: String,
        _ content: ByteBuffer
    ) -> [ByteBuffer] {
        let header = task.headers.dropFirst(place).first
        let isLast = place == count - 1
        let facts = JSON(present: [
            "created_at": ImagesView(task: task).created,
            "size": header.map { JSON($0.size.description) },
            "quality": JSON(task.request.quality?.rawValue ?? "auto"),
            "background": JSON(task.request.background?.rawValue ?? "opaque"),
            "output_format": header.map { JSON($0.format.rawValue) },
            "revised_prompt": revisedPrompt.map { JSON($0) },
            "usage": isLast ? task.usage.map(TaskView.usage) : nil,
            "warnings": isLast && !task.warnings.isEmpty ? .array(task.warnings.map { JSON($0) }) : nil,
            "task_id": JSON(task.id.description),
        ])
        let head = ByteBuffer(string: "event: \(name)\ndata: {\"type\":\"\(name)\",\"\(member)\":\"")
        var tail = ByteBuffer(string: "\"")
        for fact in facts.members ?? [] {
            tail.writeString(",")
            tail.writeJSONString(fact.name)
            tail.writeString(":")
            tail.writeJSON(fact.value)
        }
        tail.writeString("}\n\n")
        return [head, content, tail]
    }

    private func failure(_ error: APIError) -> ByteBuffer {
        var event = ByteBuffer(string: "event: error\ndata: ")
        let body = JSON.object([JSON.Member("type", "error")] + (error.body.members ?? []))
        event.writeImmutableBuffer(body.encoded())
        event.writeString("\n\n")
        return event
    }
}

extension APIError {
    /// The stream ends before the task does, because this process stops.
    fileprivate static func stillRunning(at path: String) -> APIError {
        APIError(
            .serviceUnavailable,
            "shutting_down",
            "The gateway stops; the task goes on and can be read at \(path)."
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

/// A task as callers see it; absent members are left out, never null.
struct TaskView {
    let objects: any ObjectStore
    let now: Timestamp

    func json(
        _ task: ImageTask,
        withAttempts: Bool = false,
        queuePosition: Int? = nil
    ) throws(ObjectError) -> JSON {
        let isExpired = isExpired(task)
        let request = task.request
        return JSON(present: [
            "id": JSON(task.id.description),
            "task_id": JSON(task.id.description),
            "object": JSON(request.kind == .edit ? "image.edit" : "image.generation"),
            "created_at": JSON(task.createdAt.seconds),
            "status": JSON(task.status.rawValue),
            "progress": JSON(task.progress),
            "model": JSON(request.model),
            "prompt": JSON(request.prompt),
            "queue_position": task.status == .pending ? queuePosition.map { JSON($0) } : nil,
            "completed_at": task.status == .completed ? task.completedAt.map { JSON($0.seconds) } : nil,
            "expires_at": task.expiresAt.map { JSON($0.seconds) },
            "data": task.status == .completed ? .array(isExpired ? [] : try data(task)) : nil,
            "size": task.headers.first.map { JSON($0.size.description) },
            "output_format": task.headers.first.map { JSON($0.format.rawValue) },
            "usage": task.usage.map(Self.usage),
            "warnings": task.warnings.isEmpty ? nil : .array(task.warnings.map { JSON($0) }),
            "retry_of": task.retryOf.map { JSON($0.description) },
            "metadata": request.metadata.isEmpty ? nil : Self.pairs(request.metadata),
            "error": error(task, isExpired: isExpired),
            "attempts": withAttempts ? .array(task.attempts.map(Self.attempt)) : nil,
        ])
    }

    /// The task as an answer, with what a poller needs to know.
    func response(
        _ task: ImageTask,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:],
        withAttempts: Bool = false,
        queuePosition: Int? = nil
    ) throws(ObjectError) -> Response {
        var headers = headers
        if !task.status.isFinal {
            let seconds = task.status == .pending ? 1 : 2
            headers[.retryAfter] = String(seconds)
            headers[.pollAfter] = String(seconds * 1000)
        }
        let body = try json(task, withAttempts: withAttempts, queuePosition: queuePosition)
        return Response(json: body, status: status, headers: headers)
    }

    /// The signed link to a picture: the same on every read, because its life begins when the task was completed.
    func link(to picture: StoredPicture, of task: ImageTask) throws(ObjectError) -> String {
        guard let key = ObjectKey(picture.key), let completedAt = task.completedAt else {
            throw ObjectError(.notFound, isTemporary: false, "A stored picture has no usable key.")
        }
        return try objects.link(to: key, signedAt: completedAt, lifetime: task.linkLifetime)
    }

    /// Whether the task's links are dead: in whole seconds, as the links themselves count.
    func isExpired(_ task: ImageTask) -> Bool {
        task.expiresAt.map { $0.seconds <= now.seconds } ?? false
    }

    private func data(_ task: ImageTask) throws(ObjectError) -> [JSON] {
        var entries: [JSON] = []
        for picture in task.pictures {
            entries.append(
                JSON(present: [
                    "url": JSON(try link(to: picture, of: task)),
                    "revised_prompt": picture.revisedPrompt.map { JSON($0) },
                ])
            )
        }
        return entries
    }

    private func error(_ task: ImageTask, isExpired: Bool) -> JSON? {
        if let failure = task.failure {
            return ["code": JSON(failure.code.rawValue), "message": JSON(failure.message)]
        }
        guard isExpired else { return nil }
        let code = TaskFailure.Code.resultExpired
        return ["code": JSON(code.rawValue), "message": "The pictures of this task are no longer kept."]
    }

    static func usage(_ usage: Usage) -> JSON {
        [
            "input_tokens": JSON(usage.inputTokens),
            "input_tokens_details": [
                "text_tokens": JSON(usage.inputTextTokens), "image_tokens": JSON(usage.inputImageTokens),
            ],
            "output_tokens": JSON(usage.outputTokens),
            "total_tokens": JSON(usage.totalTokens),
        ]
    }

    private static func pairs(_ pairs: [String: String]) -> JSON {
        .object(pairs.sorted { $0.key < $1.key }.map { JSON.Member($0.key, JSON($0.value)) })
    }

    private static func attempt(_ attempt: Attempt) -> JSON {
        JSON(present: [
            "provider": JSON(attempt.provider),
            "model": JSON(attempt.model),
            "started_at": JSON(attempt.startedAt.seconds),
            "ended_at": attempt.endedAt.map { JSON($0.seconds) },
            "outcome": attempt.outcome.map { JSON($0.rawValue) },
            "vendor_task_id": attempt.vendorTaskID.map { JSON($0) },
            "billed": JSON((attempt.outcome?.billed ?? .unknown).rawValue),
            "error": attempt.error.map { JSON($0) },
        ])
    }
}

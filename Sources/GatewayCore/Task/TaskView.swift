// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A task as callers see it, in answers and in webhooks; absent members are left out, never null.
public struct TaskView: Sendable {
    private let objects: any ObjectStore
    private let now: Timestamp

    /// Creates a view.
    ///
    /// - Parameters:
    ///   - objects: Who signs links.
    ///   - now: The present moment, by which links are dead or alive.
    public init(objects: any ObjectStore, now: Timestamp) {
        self.objects = objects
        self.now = now
    }

    /// The task object of the API.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - withAttempts: Whether its submissions are told.
    ///   - queuePosition: Its place in the queue, if it is known.
    public func json(
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

    /// The signed link to a picture: the same on every read, because its life begins when the task was completed.
    public func link(to picture: StoredPicture, of task: ImageTask) throws(ObjectError) -> String {
        guard let key = ObjectKey(picture.key), let completedAt = task.completedAt else {
            throw ObjectError(.notFound, isTemporary: false, "A stored picture has no usable key.")
        }
        return try objects.link(to: key, signedAt: completedAt, lifetime: task.linkLifetime)
    }

    /// Whether the task's links are dead: in whole seconds, as the links themselves count.
    public func isExpired(_ task: ImageTask) -> Bool {
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

    /// What the vendor counted, as the official clients read it.
    public static func usage(_ usage: Usage) -> JSON {
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

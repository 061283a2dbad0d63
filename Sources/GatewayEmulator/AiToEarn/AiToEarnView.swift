// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A task as a poll shows it.
struct AiToEarnView: Sendable {
    let task: AiToEarnTask
    /// Scheme and host of the addresses of pictures.
    let origin: String
    let studio: PictureStudio

    private func has(_ shape: AiToEarnShape) -> Bool { task.call.conduct.faults.contains(shape.rawValue) }

    /// What the poll is answered.
    func answer(_ envelope: AiToEarnEnvelope) async throws(AiToEarnFailure) -> EmulatedAnswer {
        if task.call.conduct.fault(AiToEarnFate.self) == .lost { throw .noSuchTask }
        if has(.pollPage), task.polls <= 2 { return AiToEarnPage.badGateway.answer }
        for shape in AiToEarnShape.allCases where has(shape) {
            guard let code = shape.answer(toPoll: task.polls) else { continue }
            if code == 404 { throw .noSuchTask }
            if let failure = AiToEarnFailure.all.first(where: { $0.code == code }) { throw failure }
        }
        return envelope.success(try await data, hasID: !has(.noRequestID))
    }

    private var data: JSON {
        get async throws(AiToEarnFailure) {
            let images =
                task.isOver && task.words == nil ? try await images : has(.earlyImages) ? [["url": .null]] : nil
            let isListed = !(task.isOver && has(.otherList))
            let created = JSON(Self.iso(task.createdAt))
            return JSON(present: [
                "logId": JSON(task.name),
                "status": JSON(status),
                "startedAt": created,
                "duration": task.isOver ? JSON(task.call.conduct.latency.milliseconds) : nil,
                "points": has(.noPoints) ? nil : JSON(task.points),
                "request": request,
                "response": task.isOver ? images.map(response) : nil,
                "errorMessage": task.isOver ? task.words.map { JSON($0) } : nil,
                "images": isListed ? images.map { .array($0) } : nil,
                "createdAt": created,
                "updatedAt": task.isOver ? task.due.map { JSON(Self.iso($0)) } : created,
            ])
        }
    }

    private var status: String {
        guard task.isOver else { return has(.newState) ? "rendering" : "generating" }
        return task.words == nil ? "success" : "failed"
    }

    private var request: JSON {
        JSON(present: [
            "prompt": JSON(task.order.prompt), "model": JSON(task.order.model),
            "size": task.order.size.map { JSON($0) }, "quality": task.order.quality.map { JSON($0) },
        ])
    }

    private func response(_ images: [JSON]) -> JSON {
        let input = max(1, (task.order.prompt.utf8.count + 3) / 4) + task.order.inputs.count * 258
        let output = task.plan.size.width * task.plan.size.height / 252
        return [
            "created": JSON(task.createdAt.seconds), "output_format": "png",
            "size": JSON(task.plan.size.description),
            "usage": [
                "input_tokens": JSON(input), "output_tokens": JSON(output), "total_tokens": JSON(input + output),
            ],
            "data": .array(images), "list": .array(images),
        ]
    }

    private var images: [JSON] {
        get async throws(AiToEarnFailure) {
            if has(.noImages) { return [] }
            if has(.noURL) { return task.files.map { _ in ["url": .null] } }
            if has(.base64) {
                var images: [JSON] = []
                for number in task.files.indices {
                    images.append(["b64_json": .string(.slice(try await text(number)))])
                }
                return images
            }
            return task.files.map { file in
                let path = AiToEarnFiles.path(of: file, task)
                return ["url": JSON(has(.relativeURL) ? path : "\(origin)/\(path)")]
            }
        }
    }

    private func text(_ number: Int) async throws(AiToEarnFailure) -> ByteBuffer {
        do throws(DrawingError) {
            return try await studio.base64(
                AiToEarnFiles.drawing(task, number),
                task.call.conduct.fault(PictureFault.self)
            )
        } catch {
            throw AiToEarnFailure(500, error.message, error.message)
        }
    }

    /// `2026-01-02T08:00:00.120Z`.
    private static func iso(_ time: Timestamp) -> String {
        let fraction = String(1000 + time.milliseconds % 1000).suffix(3)
        return "\(CivilDate(time).extended.dropLast()).\(fraction)Z"
    }
}

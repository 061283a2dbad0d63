// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Puts answers of status 200 together: pictures, receipts, and how far a task is.
struct HingNetAnswer: Sendable {
    let stage: Stage
    let tasks: HingNetTasks
    /// The host and port that the caller knows the emulator by.
    let authority: String

    private var storage: HingNetFileRoute { HingNetFileRoute(stage: stage, tasks: tasks) }

    // MARK: Calls that wait

    /// The pictures of a call, drawn and billed.
    func pictures(_ request: HingNetRequest, _ call: AcceptedCall) async throws(DrawingError) -> EmulatedAnswer {
        let shape = call.conduct.fault(HingNetShape.self)
        call.bill(pictures: request.count)
        if shape == .receipt {
            let id = "task_" + HingNetTasks.newID(at: stage.time.now).dropFirst("image_".count)
            return .json(["code": 200, "data": [["status": "submitted", "task_id": JSON(String(id))]]])
        }
        var items: [JSON] = []
        if request.wantsURL {
            let files = files(request, call, done: stage.time.now)
            let id = HingNetTasks.newID(at: stage.time.now)
            tasks.keep(files, of: id)
            items = addresses(id, files)
        } else {
            for order in orders(request, call) {
                let text = try await stage.studio.base64(order, call.conduct.fault(PictureFault.self))
                items.append(["b64_json": .string(.slice(text))])
            }
        }
        let created = stage.time.now.seconds
        return .json(
            JSON(present: [
                "created": shape == .textCreated ? JSON("\(created)") : JSON(created),
                "data": data(items, shape),
                "usage": usage(request),
            ])
        )
    }

    private func usage(_ request: HingNetRequest) -> JSON {
        let input = 6 + request.prompt.utf8.count / 4
        let output = request.tokens * request.count
        return [
            "input_tokens": JSON(input), "output_tokens": JSON(output), "total_tokens": JSON(input + output),
        ]
    }

    /// The list of pictures, as a fault of the answer has it.
    private func data(_ items: [JSON], _ shape: HingNetShape?) -> JSON {
        switch shape {
        case .noData: []
        case .nullData: .null
        case .noAddress: [["revised_prompt": "a picture"]]
        default: .array(items)
        }
    }

    // MARK: Tasks

    /// The receipt of a task that begins now.
    ///
    /// It is billed now, and stays so if it fails: as far as is known, that is how the vendor charges.
    func receipt(_ request: HingNetRequest, _ call: AcceptedCall) -> EmulatedAnswer {
        let now = stage.time.now
        let task = HingNetTask(
            id: HingNetTasks.newID(at: now),
            isEdit: request.isEdit,
            model: request.model.id,
            prompt: call.prompt,
            created: now,
            done: now.advanced(by: call.conduct.latency),
            call: call
        )
        call.bill(pictures: request.count)
        tasks.keep(task, files(request, call, done: task.done))
        let words = words(of: task)
        let first = words.count > 1 ? words[0] : "pending"
        var members = head(task, word: first, progress: 0) + [.init("prompt", JSON(task.prompt))]
        if task.shape == .hostileID {
            let hostile = JSON("../../v1/models?of=\(task.id)")
            members = members.map { $0.name == "id" ? .init("id", hostile) : $0 }
        }
        return .json(.object(members))
    }

    /// How far a task is; `nil` if it is not known, or not any more.
    func state(of task: HingNetTask) -> EmulatedAnswer? {
        let state = task.state(at: stage.time.now, words(of: task))
        if task.shape == .taskLost || task.shape == .taskForgotten && state.isDone { return nil }
        guard state.isDone else { return .json(.object(head(task, word: state.word, progress: state.progress))) }
        task.call.end()
        switch task.shape {
        case .taskFailed: return failed(task, code: "task_failed")
        case .taskRefused: return failed(task, code: "content_policy_violation")
        case .taskExpired: return .json(.object(head(task, word: "expired", progress: 0)))
        default: return completed(task, word: state.word)
        }
    }

    private func words(of task: HingNetTask) -> [String] {
        task.shape == .strangeWords ? ["queued", "rendering", "succeeded"] : stage.settings.hingnetStates
    }

    private func head(_ task: HingNetTask, word: String, progress: Int) -> [JSON.Member] {
        [
            .init("id", JSON(task.id)), .init("task_id", JSON(task.id)), .init("object", "image.generation"),
            .init("created_at", JSON(task.created.seconds)), .init("status", JSON(word)),
            .init("progress", JSON(progress)), .init("model", JSON(task.model)),
        ]
    }

    private func completed(_ task: HingNetTask, word: String) -> EmulatedAnswer {
        let files = tasks.files(of: task.id)
        let items = files.map { addresses(task.id, $0) } ?? []
        return .json(
            .object(
                head(task, word: word, progress: 100) + [
                    .init("completed_at", JSON(task.done.seconds)),
                    .init("expires_at", JSON(task.done.advanced(by: HingNetTasks.lifetime).seconds)),
                    .init("data", data(items, task.shape)),
                ]
            )
        )
    }

    /// A failure does not name the model, and its words are the same whatever happened.
    private func failed(_ task: HingNetTask, code: String) -> EmulatedAnswer {
        let members = head(task, word: "failed", progress: 0).filter { $0.name != "model" }
        let error: JSON = ["code": JSON(code), "message": "任务执行失败，请稍后重试"]
        return .json(.object(members + [.init("error", error)]))
    }

    // MARK: Pictures

    private func addresses(_ id: String, _ files: HingNetFiles) -> [JSON] {
        files.orders.indices.map { place in
            ["url": JSON(storage.address(id, place, files, authority: authority))]
        }
    }

    private func files(_ request: HingNetRequest, _ call: AcceptedCall, done: Timestamp) -> HingNetFiles {
        HingNetFiles(
            orders: orders(request, call),
            fault: call.conduct.fault(HingNetResultFault.self),
            pictureFault: call.conduct.fault(PictureFault.self),
            expires: done.advanced(by: HingNetTasks.lifetime)
        )
    }

    private func orders(_ request: HingNetRequest, _ call: AcceptedCall) -> [PictureOrder] {
        (0..<request.count).map { number in
            PictureOrder(
                label: "\(request.model.id)  \(request.size)",
                size: request.size,
                format: request.format,
                prompt: call.prompt,
                variation: call.conduct.variation &* 16 &+ UInt64(number),
                quality: request.quality,
                paddedTo: call.conduct.pictureBytes
            )
        }
    }
}

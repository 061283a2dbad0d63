// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird

/// What the row says, where there was no delivery.
extension SynchronousCall {
    /// What became of a task that is over already.
    func finished(_ begun: Begun) async throws -> Outcome? {
        let task: ImageTask?
        do throws(StoreError) {
            task = try await parts.store.task(begun.task.id, owner: nil)
        } catch {
            // What is not known is waited for.
            return nil
        }
        // The place was taken before this look: whatever ends later is delivered or told, and if the engine has taken the
        // caller along already, the picture is on its way.
        guard task?.status.isFinal ?? true, parts.board.withdraw(begun.place) else { return nil }
        return try await outcome(of: task, begun)
    }

    /// Ends the wait when another process has ended the task without a word to this one.
    func watch(_ begun: Begun) async {
        while (try? await parts.time.sleep(for: .seconds(1))) != nil {
            let row: ImageTask?
            do throws(StoreError) {
                row = try await parts.store.task(begun.task.id, owner: nil)
            } catch {
                // A database that is away has not ended the task.
                continue
            }
            guard let row, !row.status.isFinal else {
                parts.board.withdraw(begun.place)
                return
            }
        }
    }

    /// Links, pictures that were stored, a failure, or a task that goes on.
    func answer(about begun: Begun) async throws -> Outcome {
        let row: ImageTask?
        do throws(StoreError) {
            row = try await parts.store.task(begun.task.id, owner: nil)
        } catch {
            throw APIError.lostSight(of: begun.task.id, path: views.path(of: begun.task))
        }
        return try await outcome(of: row, begun)
    }

    private func outcome(of row: ImageTask?, _ begun: Begun) async throws -> Outcome {
        do {
            guard let task = row else { throw APIError.noTask }
            return try await outcome(of: task, isReplay: begun.isReplay)
        } catch let error as APIError {
            var told = error
            if begun.isReplay { told.headers[.idempotentReplayed] = "true" }
            throw told
        }
    }

    private func outcome(of task: ImageTask, isReplay: Bool) async throws -> Outcome {
        switch task.status {
        // Whoever joined in the moment in which it was dropped asks again, and then it has not happened.
        case .failed where isReplay && !settings.hasStorage && task.wasDroppedUnsent: throw APIError.dropped
        case .failed:
            var error = APIError(failureOf: task)
            // Under this name nothing else will ever become of it.
            if isReplay { error.headers[.retryAfter] = nil }
            throw error
        case .completed where task.needsLink:
            guard !views.view.isExpired(task) else { throw APIError.pictureGone }
            guard task.request.responseFormat == .url else {
                let reading = try await stored(task)
                return .pictures(task, reading.pictures, reading.share)
            }
            return .links(
                task,
                try task.pictures.map { picture in
                    (url: try views.view.link(to: picture, of: task), revisedPrompt: picture.revisedPrompt)
                }
            )
        case .completed where isReplay: throw APIError.pictureGone
        // Completed: the waiting time ended in the very moment in which the pictures were stored instead.
        case .pending, .inProgress, .completed: return .goesOn(task)
        }
    }

    private func stored(_ task: ImageTask) async throws -> PictureReader.Reading {
        do {
            return try await reader.pictures(of: task)
        } catch let error as ObjectError {
            throw error.code == .notFound ? APIError.pictureGone : APIError(error)
        }
    }
}

extension APIError {
    /// The first to make the request hung up before anything was sent, and this one came too late to keep it alive.
    fileprivate static let dropped = APIError(
        .serviceUnavailable,
        "provider_unavailable",
        "The first request with this Idempotency-Key was given up at this moment; nothing was sent, so try again.",
        headers: [.retryAfter: "1"]
    )
    /// A request is repeated whose picture went to its caller, and was not kept, or not so long.
    fileprivate static let pictureGone = APIError(
        .gone,
        "result_expired",
        "The picture of this request was made and is no longer kept; to have another made, use a new Idempotency-Key.",
        headers: [.shouldRetry: "false"]
    )
}

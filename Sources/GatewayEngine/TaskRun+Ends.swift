// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// The ends that are no success, and what is told of every end.
extension TaskRun {
    /// How long pictures that are paid for keep the end of a run waiting, once its time is over.
    static let lastPatience = Duration.seconds(5)

    func giveUp(_ failure: TaskFailure) async throws {
        if !basket.contents.isEmpty {
            try? await within(Self.lastPatience, by: parts.time) { [self] in try await finish(failure) }
        }
        guard !live.task.status.isFinal else { return }
        let end = openPortions.isEmpty && !live.task.portions.isEmpty ? [] : [TaskEvent.gaveUp(failure)]
        try await live.insist(basket.contents.flatMap { ended($0, Self.unkept($0)) } + end)
    }

    /// Whom the caller is told that pictures wait for, when the time for keeping them is over.
    private static func unkept(_ made: CheckedPortion) -> TaskFailure {
        guard let remote = made.remote, !remote.trouble.liesWithStorage else {
            return TaskFailure(.storageError, "The picture was made, but could not be stored in time.")
        }
        return TaskFailure(.upstreamError, "The picture was made, but could not be fetched from the provider in time.")
    }

    func handBack() async throws {
        if !basket.contents.isEmpty {
            // A task of its own, because this one is cancelled; it is awaited here, and not for long.
            try? await Task {
                try await within(Self.lastPatience, by: parts.time) { [self] in
                    for made in basket.contents { try await store(made) }
                }
            }.value
        }
        guard !live.task.status.isFinal else { return }
        try await live.insist([.released])
    }

    func finally(_ complaint: Logger.Message, _ write: () async throws -> Void) async {
        do {
            try await write()
        } catch let error as StoreError where error.code == .conflict {
            logger.info("A task was changed by somebody else; its run ends here.")
        } catch {
            logger.error(complaint, metadata: ["error": "\(error)"])
        }
    }

    func report() {
        let task = live.task
        guard task.status.isFinal else { return }
        let took = task.createdAt.duration(to: task.completedAt ?? task.createdAt)
        var metadata: Logger.Metadata = [
            "status": "\(task.status.rawValue)", "model": "\(task.request.model)",
            "attempts": .stringConvertible(task.attempts.count), "took_ms": .stringConvertible(took.milliseconds),
        ]
        // What there is not is left out: a line is data.
        if let failure = task.failure { metadata["code"] = "\(failure.code.rawValue)" }
        if let attempt = task.attempts.last { metadata["provider"] = "\(attempt.provider)" }
        logger.info("task finished", metadata: metadata)
    }

    /// What is written of pictures whose time is over: those that are in the store already are not given up.
    private func ended(_ made: CheckedPortion, _ failure: TaskFailure) -> [TaskEvent] {
        let kept = basket.kept(of: made.index)
        guard !kept.isEmpty else { return Self.lost(made, failure) }
        let missing = made.count - kept.count
        let warnings = made.warnings + (missing > 0 ? [failure.warning(about: missing, of: made.count)] : [])
        return [.stored(portion: made.index, pictures: kept, usage: made.usage, warnings: warnings)]
    }

    /// What is written when pictures were made, and billed, and cannot be kept.
    static func lost(_ made: CheckedPortion, _ failure: TaskFailure) -> [TaskEvent] {
        let end = TaskEvent.portionFailed(portion: made.index, failure)
        // Of pictures that stayed at the vendor, the row knows already that they were made.
        return made.remote != nil ? [end] : [.generated(portion: made.index, urls: [], usage: made.usage), end]
    }
}

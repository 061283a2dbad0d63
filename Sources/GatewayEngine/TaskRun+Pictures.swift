// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging

/// The pictures of a task, from the moment they are made until they are where they belong.
extension TaskRun {
    /// Hands the pictures to the caller who waits, or stores them if nobody does any more.
    ///
    /// - Parameter failure: What becomes of the portions that have no pictures, when the task ends here.
    func finish(_ failure: TaskFailure? = nil) async throws {
        let made = basket.contents
        guard !made.isEmpty else { return }
        guard let caller = parts.board.takeCaller(of: live.task.id) else {
            for portion in made { try await store(portion) }
            return
        }
        do {
            var events = made.map { portion -> TaskEvent in
                .delivered(
                    portion: portion.index,
                    headers: portion.pictures.map(\.header),
                    usage: portion.usage,
                    warnings: portion.warnings
                )
            }
            if let failure, !openPortions.isEmpty { events.append(.gaveUp(failure)) }
            let task = try await live.record(events)
            basket.empty()
            let pictures = made.flatMap(\.pictures).compactMap { picture in
                picture.base64.map { DeliveredPicture(base64: $0, revisedPrompt: picture.revisedPrompt) }
            }
            caller.give(Delivery(task: task, pictures: pictures))
        } catch {
            caller.dismiss()
            throw error
        }
    }

    /// The portions that have no pictures, and no end.
    var openPortions: [Int] {
        let made = Set(basket.contents.map(\.index))
        let portions = live.task.portions
        return portions.indices.filter { !portions[$0].stage.isFinal && !made.contains($0) }
    }

    /// Keeps what a portion gave until it is where it belongs.
    func take(_ made: CheckedPortion) async throws {
        basket.put(made)
        if live.task.needsLink { try await store(made) }
    }

    func store(_ made: CheckedPortion) async throws {
        let task = live.task
        let firstIndex = task.portions.prefix(made.index).reduce(0) { $0 + $1.count }
        basket.empty(keptOf: made.index)
        do {
            let missing = try await parts.keeper.keep(made, of: task, firstIndex: firstIndex) { picture in
                basket.put(kept: picture, of: made.index)
            }
            let pictures = basket.kept(of: made.index)
            var made = made
            if let remote = made.remote {
                made.warnings = task.request.deviations(in: pictures.map(\.header), told: remote.told)
            }
            if let first = missing.first { made.warnings.append(first.warning(about: missing.count, of: made.count)) }
            try await record(made, pictures)
        } catch let failure as TaskFailure {
            try await live.record(Self.lost(made, failure))
        }
        basket.remove(made.index)
    }

    private func record(_ made: CheckedPortion, _ pictures: [StoredPicture]) async throws {
        do {
            try await live.record(
                .stored(portion: made.index, pictures: pictures, usage: made.usage, warnings: made.warnings)
            )
        } catch let error as StoreError where error.code == .conflict {
            await discard(pictures)
            throw error
        }
    }

    /// Has the pictures of a task that was cancelled or deleted meanwhile deleted: they are nobody's.
    ///
    /// Those of a task that another process has taken over stay: it stores the same keys. If this fails, they are deleted
    /// later: they were announced before they were stored.
    func discard(_ pictures: [StoredPicture]) async {
        var kept: Set<String> = []
        do throws(StoreError) {
            if let row = try await parts.store.task(live.task.id, owner: nil) {
                guard row.status.isFinal else { return }
                kept = Set(row.pictures.map(\.key))
            }
        } catch {
            return
        }
        let nobodys = pictures.map(\.key).filter { !kept.contains($0) }.compactMap { ObjectKey($0) }
        await parts.keeper.discard(nobodys, of: live.task)
    }
}

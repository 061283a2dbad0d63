// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// How many claimed tasks run here, so that no more are claimed than can be worked on, and vendors that are full do not
/// keep the tasks of others waiting.
///
/// A task that only waits for a vendor's job costs nothing and is not counted: there may be any number of them.
final class EngineLoad: Sendable {
    /// How much may be claimed in one step.
    struct Bite: Equatable {
        var tasks: Int
        /// Models whose vendors have enough to do.
        var fullModels: Set<String>
    }

    /// The models that the same vendors serve.
    private struct Door {
        var models: Set<String> = []
        /// How many may run; `nil` for no bound.
        var appetite: Int?
        var running = 0
        var blocked = 0
        /// Whether no task was found waiting before it, and nobody has been asked to look again.
        var isDeserted = false

        var room: Int { blocked >= EngineLoad.mostBlocked ? 0 : appetite.map { $0 - running } ?? .max }
    }

    private struct State {
        var doors: [[String]: Door]
        var running = 0
        var resting: Set<TaskID> = []
        /// Of each claimed task, how many of its portions wait for a provider to come back; nobody else is listed.
        var blocked: [TaskID: Int] = [:]
        var doorOfTask: [TaskID: [String]] = [:]
        var storeIsEmpty = false
        var isClosed = false

        /// How many more may be worked on.
        func room(_ limit: Int) -> Int { limit - (running - resting.count - blocked.count) }

        mutating func begin(_ id: TaskID, at door: [String]?) {
            running += 1
            guard let door else { return }
            doors[door]?.running += 1
            doorOfTask[id] = door
        }
    }

    /// How many tasks wait here for the same providers to come back; the others wait in the store.
    static let mostBlocked = 64

    private let limit: Int
    private let doorOfModel: [String: [String]]
    private let state: Mutex<State>

    /// - Parameters:
    ///   - limit: How many tasks may be worked on at once.
    ///   - router: Who serves which model.
    ///   - pool: How much fits into the vendors' hands.
    init(limit: Int, router: ProviderRouter, pool: ProviderPool) {
        var doors: [[String]: Door] = [:]
        var doorOfModel: [String: [String]] = [:]
        for model in router.directory.models.map(\.id) {
            let candidates = router.candidates(for: model)
            let door = candidates.map(\.provider).sorted()
            doorOfModel[model] = door
            doors[door, default: Door(appetite: pool.appetite(for: candidates))].models.insert(model)
        }
        self.limit = limit
        self.doorOfModel = doorOfModel
        state = Mutex(State(doors: doors))
    }

    func begin(_ task: ImageTask) {
        state.withLock { state in
            state.begin(task.id, at: doorOfModel[task.request.model])
            if task.isResting { state.resting.insert(task.id) }
        }
    }

    /// Keeps room for a task that is about to be made, if there is some and no other task waits for it.
    ///
    /// - Returns: Whether the task is counted now, until its end.
    func keepsRoom(for id: TaskID, model: String) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.room(limit) > 0, let door = doorOfModel[model],
                let found = state.doors[door], found.room > 0, found.isDeserted
            else { return false }
            state.begin(id, at: door)
            return true
        }
    }

    /// A portion of a task begins to wait for a provider to come back: until then the task takes nobody's room.
    func block(_ id: TaskID) {
        state.withLock { state in
            guard let door = state.doorOfTask[id] else { return }
            if state.blocked[id] == nil { state.doors[door]?.blocked += 1 }
            state.blocked[id, default: 0] += 1
        }
    }

    /// A portion of a task waits no more.
    func unblock(_ id: TaskID) {
        state.withLock { state in
            guard let door = state.doorOfTask[id], let portions = state.blocked[id] else { return }
            state.blocked[id] = portions > 1 ? portions - 1 : nil
            if portions == 1 { state.doors[door]?.blocked -= 1 }
        }
    }

    /// Notes whether a task only waits for vendors; `true` if there may be more to claim now.
    func rests(_ task: ImageTask) -> Bool {
        state.withLock { state in
            guard task.isResting else {
                state.resting.remove(task.id)
                return false
            }
            return state.resting.insert(task.id).inserted && !state.storeIsEmpty
        }
    }

    /// Ends one; `true` if there may be more to claim.
    func end(_ id: TaskID) -> Bool {
        state.withLock { state in
            state.running -= 1
            state.resting.remove(id)
            if let door = state.doorOfTask.removeValue(forKey: id) { state.doors[door]?.running -= 1 }
            return !state.storeIsEmpty
        }
    }

    /// How much may be claimed now; `nil` for nothing.
    ///
    /// While every vendor has enough to do nothing is claimed, not even what nobody serves any more: that ends when there
    /// is room, or with its time.
    ///
    /// One step claims little enough that no vendor gets many more tasks than it has an appetite for: the rest of the
    /// room is left to others.
    func bite() -> Bite? {
        state.withLock { state in
            // Until a claim has shown otherwise: whoever ends meanwhile asks for another.
            state.storeIsEmpty = false
            for door in state.doors.keys { state.doors[door]?.isDeserted = false }
            let room = state.room(limit)
            guard room > 0, !state.isClosed else { return nil }
            let left = state.doors.values.map { (models: $0.models, tasks: $0.room) }
            // Whoever ends asks again: until then each new task would have the queue searched for nothing.
            guard left.isEmpty || left.contains(where: { $0.tasks > 0 }) else { return nil }
            let full = left.filter { $0.tasks <= 0 }.reduce(into: Set<String>()) { $0.formUnion($1.models) }
            let smallest = min(room, left.map(\.tasks).filter { $0 > 0 }.min() ?? room)
            return Bite(tasks: min(room, max(smallest, limit / 32)), fullModels: full)
        }
    }

    /// Notes that a claim left nothing behind, but for models whose vendors have enough to do.
    func foundEmpty(besides full: Set<String> = []) {
        state.withLock { state in
            state.storeIsEmpty = full.isEmpty
            for (name, door) in state.doors {
                state.doors[name]?.isDeserted = door.models.isDisjoint(with: full)
            }
        }
    }

    /// Whether nothing more may be claimed.
    var isClosed: Bool { state.withLock(\.isClosed) }

    /// Nothing more may be claimed from now on.
    func close() {
        state.withLock { $0.isClosed = true }
    }
}

extension ImageTask {
    /// Whether there is nothing to do for it but to wait for vendors' jobs.
    var isResting: Bool {
        var waits = false
        for portion in portions where !portion.stage.isFinal {
            guard case .waiting = portion.stage else { return false }
            waits = true
        }
        return waits
    }
}

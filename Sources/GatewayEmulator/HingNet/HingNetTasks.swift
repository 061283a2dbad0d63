// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// A task in the emulated vendor's hands; the clock, not a thread, brings it forward.
struct HingNetTask: Sendable {
    let id: String
    /// The family of paths it was begun by; the other one does not know it.
    let isEdit: Bool
    let model: String
    let prompt: String
    let created: Timestamp
    /// When its pictures are done: as late as the answer of a call that waits.
    let done: Timestamp
    let call: AcceptedCall
    /// How often it was asked for.
    var questions = 0

    var shape: HingNetShape? { call.conduct.fault(HingNetShape.self) }

    /// The state that holds at a moment, by the words for all of them, and how much is done of a hundred.
    ///
    /// The words before the last share the time until it is done.
    func state(at now: Timestamp, _ words: [String]) -> (word: String, progress: Int, isDone: Bool) {
        let whole = created.duration(to: done).inSeconds
        let passed = created.duration(to: now).inSeconds
        if passed >= whole, shape != .taskStuck { return (words.last ?? "completed", 100, true) }
        let unfinished = words.dropLast()
        guard shape != .taskStuck, whole > 0 else { return (unfinished.last ?? "in_progress", 50, false) }
        let share = min(max(passed / whole, 0), 0.99)
        let place = min(Int(share * Double(unfinished.count)), max(0, unfinished.count - 1))
        return (unfinished.isEmpty ? "in_progress" : unfinished[place], Int(share * 100), false)
    }
}

/// The pictures that can be fetched, each at an address of its own.
struct HingNetFiles: Sendable {
    let orders: [PictureOrder]
    let fault: HingNetResultFault?
    let pictureFault: PictureFault?
    let expires: Timestamp
}

/// Keeps tasks and files while the emulator runs.
final class HingNetTasks: Sendable {
    /// How many are kept; older ones are as unknown as those that never were.
    private static let most = 20_000
    /// How long a picture's address is good.
    static let lifetime = Duration.seconds(86_400)

    private struct State {
        var tasks: [String: HingNetTask] = [:]
        var files: [String: HingNetFiles] = [:]
        /// The ids of files, and of tasks with them, oldest first.
        var order: [String] = []
        /// Tasks that may still run, oldest first.
        var running: [HingNetTask] = []
    }

    private let state = Mutex(State())
    /// What addresses are signed with: good enough to tell a right one from a wrong one.
    private let secret = UInt64.random(in: .min ... .max)

    /// Keeps a task and the pictures it will have.
    func keep(_ task: HingNetTask, _ files: HingNetFiles) {
        state.withLock { state in
            state.tasks[task.id] = task
            state.running.append(task)
            Self.keep(files, of: task.id, &state)
            Self.endOver(at: task.created, &state)
        }
    }

    /// Keeps the pictures of a call that waited for their addresses.
    func keep(_ files: HingNetFiles, of id: String) {
        state.withLock { Self.keep(files, of: id, &$0) }
    }

    private static func keep(_ files: HingNetFiles, of id: String, _ state: inout State) {
        state.files[id] = files
        state.order.append(id)
        guard state.order.count > most else { return }
        for id in state.order.prefix(most / 10) {
            state.tasks[id] = nil
            state.files[id] = nil
        }
        state.order.removeFirst(most / 10)
    }

    /// Tells the ledger which tasks are over, those at least that nobody asks for.
    private static func endOver(at now: Timestamp, _ state: inout State) {
        let over = state.running.prefix { $0.done <= now }
        for task in over { task.call.end() }
        state.running.removeFirst(over.count)
    }

    /// The task of an id, counting the question.
    func ask(_ id: String, isEdit: Bool) -> HingNetTask? {
        state.withLock { state in
            guard state.tasks[id]?.isEdit == isEdit else { return nil }
            state.tasks[id]?.questions += 1
            return state.tasks[id]
        }
    }

    func files(of id: String) -> HingNetFiles? { state.withLock { $0.files[id] } }

    /// What an address must carry to be good.
    func signature(_ name: String, _ expires: Int64) -> String {
        String(SeededGenerator.hash("\(secret)/\(name)/\(expires)"), radix: 16)
    }

    /// A new id: `image_` and 26 characters, a ULID.
    static func newID(at now: Timestamp) -> String {
        let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        let time = (0..<10).reversed().map { digits[Int(now.milliseconds >> (5 * Int64($0)) & 31)] }
        return "image_" + String(time) + String((0..<16).map { _ in digits[Int.random(in: 0..<32)] })
    }
}

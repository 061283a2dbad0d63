// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore
import Synchronization

/// The small doors between server and engine inside one process: work that was created, changes of a task, and the
/// hand-over of a picture to a waiting caller.
///
/// The row is the truth; the board only says when to look at it.
public final class TaskBoard: Sendable {
    private struct State {
        var watchers: [TaskID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var callers: [TaskID: AsyncStream<Delivery>.Continuation] = [:]
        var hungUp: Set<TaskID> = []
        var runs: [TaskID: @Sendable () -> Void] = [:]
        var isTaking = true
        var nextWatcher = 0
    }

    private let state = Mutex(State())

    /// Tasks that this process shall run, because their callers wait here; for the one engine of this process.
    public let assignments: AsyncStream<Assignment>
    /// One element whenever there may be something to claim; several signals may show as one.
    public let queueSignals: AsyncStream<Void>
    /// One element whenever some task has changed; several changes may show as one; for the one deliverer of webhooks.
    public let changeSignals: AsyncStream<Void>
    private let changeSignaler: AsyncStream<Void>.Continuation
    private let assigner: AsyncStream<Assignment>.Continuation
    private let signaler: AsyncStream<Void>.Continuation

    /// Whether nobody watches and nobody waits: nothing is kept for a task that is over.
    var isQuiet: Bool {
        state.withLock { $0.watchers.isEmpty && $0.callers.isEmpty && $0.hungUp.isEmpty }
    }

    /// Creates an empty board.
    public init() {
        (assignments, assigner) = AsyncStream.makeStream()
        (queueSignals, signaler) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (changeSignals, changeSignaler) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Work for the engine

    /// Gives the engine a task that was written with this process as its node.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - uploads: The pictures that came with it, in the order of its inputs, a mask last, so that they need not be read
    ///     from the object store; they are kept no longer than the task runs here.
    /// - Returns: `false` if the engine takes nothing more on: nobody need wait for it here then. Another process takes the
    ///   task over when this one is gone.
    @discardableResult
    public func assign(_ task: ImageTask, uploads: [InputPicture] = []) -> Bool {
        if case .terminated = assigner.yield(Assignment(task: task, uploads: uploads)) {
            settled(task.id)
            return false
        }
        return true
    }

    /// Tells the engine that there may be a task to claim.
    public func signalQueue() {
        signaler.yield()
    }

    /// Whether the engine of this process still takes tasks on.
    public var isTaking: Bool { state.withLock(\.isTaking) }

    /// Ends both streams: the engine takes nothing more on.
    public func stopTaking() {
        state.withLock { $0.isTaking = false }
        assigner.finish()
        signaler.finish()
    }

    // MARK: Changes of a task

    /// Begins to watch a task.
    ///
    /// Watch first, then read the row, then wait for the next element: no change in between is missed. Several changes
    /// may show as one element.
    ///
    /// - Parameter id: Which task.
    /// - Returns: One element for each change; ending the iteration ends the watch.
    public func changes(of id: TaskID) -> AsyncStream<Void> {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[id, default: [:]][state.nextWatcher] = continuation
            return state.nextWatcher
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.watchers[id]?[number] = nil
                if state.watchers[id]?.isEmpty == true { state.watchers[id] = nil }
            }
        }
        return changes
    }

    /// Tells everybody who watches a task; called after the change is durable.
    public func changed(_ id: TaskID) {
        let watchers = state.withLock { $0.watchers[id].map { Array($0.values) } ?? [] }
        for watcher in watchers { watcher.yield() }
        changeSignaler.yield()
    }

    // MARK: Ends from outside

    /// Says how to stop the work on a task; until ``runEnded(_:)``.
    ///
    /// - Parameters:
    ///   - id: Which task.
    ///   - stop: Called at most once, from any thread, when somebody else has ended or deleted the task.
    public func runBegan(_ id: TaskID, stop: @escaping @Sendable () -> Void) {
        state.withLock { $0.runs[id] = stop }
    }

    /// Says that nobody works on a task any more.
    public func runEnded(_ id: TaskID) {
        state.withLock { $0.runs[id] = nil }
    }

    /// Stops the work on a task whose row was ended or deleted, if this process works on it; others find out when they
    /// write next.
    public func revoke(_ id: TaskID) {
        state.withLock { $0.runs.removeValue(forKey: id) }?()
    }

    // MARK: Hand-over to a waiting caller

    /// Says that a caller waits for the pictures of a task, before the task is announced.
    ///
    /// - Parameter id: Which task.
    /// - Returns: One delivery, or none if the task ends without pictures or they are stored instead.
    public func expect(_ id: TaskID) -> AsyncStream<Delivery> {
        let (deliveries, continuation) = AsyncStream<Delivery>.makeStream()
        let earlier = state.withLock { $0.callers.updateValue(continuation, forKey: id) }
        earlier?.finish()
        return deliveries
    }

    /// Says that the caller waits no longer; from now on the pictures are stored.
    ///
    /// - Returns: `false` if the engine has taken the caller's place already: a delivery is on its way.
    @discardableResult
    public func withdraw(_ id: TaskID) -> Bool {
        let continuation = state.withLock { $0.callers.removeValue(forKey: id) }
        continuation?.finish()
        return continuation != nil
    }

    /// Says that the caller has hung up: what was not sent to a vendor yet need not be sent.
    public func hangUp(_ id: TaskID) {
        let continuation = state.withLock { state in
            let continuation = state.callers.removeValue(forKey: id)
            if continuation != nil { state.hungUp.insert(id) }
            return continuation
        }
        continuation?.finish()
    }

    /// Whether the caller hung up while waiting.
    public func hasHungUp(_ id: TaskID) -> Bool {
        state.withLock { $0.hungUp.contains(id) }
    }

    /// Whether a caller waits for the pictures at this moment.
    public func isAwaited(_ id: TaskID) -> Bool {
        state.withLock { $0.callers[id] != nil }
    }

    /// Says that the engine is done with a task: whoever waits looks at the row.
    public func settled(_ id: TaskID) {
        let continuation = state.withLock { state in
            state.hungUp.remove(id)
            return state.callers.removeValue(forKey: id)
        }
        continuation?.finish()
    }

    /// Takes a waiting caller, who from now on relies on the delivery.
    ///
    /// - Returns: The way to hand over, or `nil` if nobody waits.
    public func takeCaller(of id: TaskID) -> WaitingCaller? {
        state.withLock { $0.callers.removeValue(forKey: id) }.map(WaitingCaller.init(continuation:))
    }
}

/// A task that this process shall run, with what came along and is in memory anyway.
public struct Assignment: Sendable {
    /// The task, as it was written.
    public var task: ImageTask
    /// The pictures of its request's `upload` inputs, in order, a mask last; empty if there are none.
    public var uploads: [InputPicture]
}

/// A caller who waits for pictures and has been promised them.
public struct WaitingCaller: Sendable {
    fileprivate let continuation: AsyncStream<Delivery>.Continuation

    /// Hands over; once.
    public func give(_ delivery: Delivery) {
        continuation.yield(delivery)
        continuation.finish()
    }

    /// Sends the caller back to the row: there will be no delivery.
    public func dismiss() {
        continuation.finish()
    }
}

/// Pictures on their way to a waiting caller, and the finished task they belong to.
public struct Delivery: Sendable {
    /// The task in its final state.
    public var task: ImageTask
    /// The pictures, in order.
    public var pictures: [DeliveredPicture]

    /// Creates a delivery.
    public init(task: ImageTask, pictures: [DeliveredPicture]) {
        self.task = task
        self.pictures = pictures
    }
}

/// A picture in memory: base64 as it came, until somebody needs bytes.
public struct DeliveredPicture: Sendable {
    /// The picture in standard base64 without line breaks.
    public var base64: ByteBuffer
    /// The prompt as the vendor rewrote it.
    public var revisedPrompt: String?

    /// Creates a picture.
    public init(base64: ByteBuffer, revisedPrompt: String? = nil) {
        self.base64 = base64
        self.revisedPrompt = revisedPrompt
    }
}

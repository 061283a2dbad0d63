// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The small doors between server and engine inside one process: work that was created, changes of a task, and the
/// hand-over of a picture to waiting callers.
///
/// The row is the truth; the board only says when to look at it.
public final class TaskBoard: Sendable {
    fileprivate typealias RoomOffer = @Sendable (TaskID, String) -> TaskRoom?

    fileprivate struct State {
        var watchers: [TaskID: [Int: AsyncStream<Void>.Continuation]] = [:]
        var callers: [TaskID: [Int: AsyncStream<Delivery>.Continuation]] = [:]
        var hungUp: Set<TaskID> = []
        var runs: [TaskID: @Sendable () -> Void] = [:]
        var isTaking = true
        var offer: RoomOffer?
        /// Whether the engine has ended: nothing of any task changes here any more.
        var isOver = false
        var stoppers: [AsyncStream<Void>.Continuation] = []
        var nextNumber = 0
    }

    private let state = Mutex(State())

    /// Tasks that this process shall run, because their callers wait here; for the one engine of this process.
    public let assignments: AsyncStream<Assignment>
    /// One element whenever there may be something to claim; several signals may show as one.
    public let queueSignals: AsyncStream<Void>
    /// One element whenever some task has ended; several may show as one; for the one deliverer of webhooks.
    public let changeSignals: AsyncStream<Void>
    private let changeSignaler: AsyncStream<Void>.Continuation
    private let assigner: AsyncStream<Assignment>.Continuation
    private let signaler: AsyncStream<Void>.Continuation

    /// Whether nobody watches and nobody waits: nothing is kept for a task that is over.
    var isQuiet: Bool {
        state.withLock { $0.watchers.isEmpty && $0.callers.isEmpty && $0.hungUp.isEmpty }
    }

    /// How many callers wait for a task.
    func callerCount(of id: TaskID) -> Int { state.withLock { $0.callers[id]?.count ?? 0 } }

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
    ///   - room: Room that was kept for it; `nil` for a task whose caller waits, for which there is always room.
    /// - Returns: `false` if the engine takes nothing more on: nobody need wait for it here then. Another process takes the
    ///   task over when this one is gone.
    @discardableResult
    public func assign(_ task: ImageTask, uploads: [InputPicture] = [], room: TaskRoom? = nil) -> Bool {
        if case .terminated = assigner.yield(Assignment(task: task, uploads: uploads, room: room)) {
            settled(task.id)
            return false
        }
        return true
    }

    /// Says who can tell whether there is room for another task in this process at this moment.
    ///
    /// - Parameter offer: Keeps room for a task of a name and a model, if there is some and no other task waits for it.
    public func offerRoom(_ offer: @escaping @Sendable (TaskID, String) -> TaskRoom?) {
        state.withLock { $0.offer = offer }
    }

    /// Asks for room for a task that is about to be written: with it, the task need not be queued and claimed.
    ///
    /// - Parameters:
    ///   - id: The task's name.
    ///   - model: The model it asks for.
    /// - Returns: The room, for ``assign(_:uploads:room:)``; `nil` if the task has to wait for its turn.
    public func room(for id: TaskID, model: String) -> TaskRoom? {
        state.withLock { $0.isTaking ? $0.offer : nil }?(id, model)
    }

    /// Tells the engine that there may be a task to claim.
    public func signalQueue() {
        signaler.yield()
    }

    /// Whether the engine of this process still takes tasks on.
    public var isTaking: Bool { state.withLock(\.isTaking) }

    /// Ends both streams: the engine takes nothing more on, and hands back what it need not finish.
    ///
    /// This is how a process begins to stop; calling it again changes nothing.
    public func stopTaking() {
        let stoppers = state.withLock { state in
            state.isTaking = false
            defer { state.stoppers = [] }
            return state.stoppers
        }
        assigner.finish()
        signaler.finish()
        for stopper in stoppers { stopper.finish() }
    }

    /// Waits until ``stopTaking()`` is called, or until the waiting task is cancelled.
    public func untilStopping() async {
        let (stop, continuation) = AsyncStream<Void>.makeStream()
        let isStopping = state.withLock { state in
            if state.isTaking { state.stoppers.append(continuation) }
            return !state.isTaking
        }
        if isStopping { continuation.finish() }
        for await _ in stop {}
    }

    /// Says that the engine has ended: whoever watches or waits is told to look at the row for the last time.
    public func engineEnded() {
        let (watchers, callers) = state.withLock { state in
            state.isOver = true
            state.offer = nil
            state.hungUp = []
            defer { (state.watchers, state.callers) = ([:], [:]) }
            return (state.watchers.values.flatMap(\.values), state.callers.values.flatMap(\.values))
        }
        for watcher in watchers { watcher.finish() }
        for caller in callers { caller.finish() }
    }

    // MARK: Changes of a task

    /// Begins to watch a task.
    ///
    /// Watch first, then read the row, then wait for the next element: no change in between is missed. Several changes
    /// may show as one element.
    ///
    /// - Parameter id: Which task.
    /// - Returns: One element for each change; ending the iteration ends the watch. It ends by itself when the engine does.
    public func changes(of id: TaskID) -> AsyncStream<Void> {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state -> Int? in
            guard !state.isOver else { return nil }
            state.nextNumber += 1
            state.watchers[id, default: [:]][state.nextNumber] = continuation
            return state.nextNumber
        }
        guard let number else {
            continuation.finish()
            return changes
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
    ///
    /// - Parameters:
    ///   - id: Which task.
    ///   - isOver: Whether it may have ended: then there may be somebody to tell outside.
    public func changed(_ id: TaskID, isOver: Bool = true) {
        let watchers = state.withLock { $0.watchers[id].map { Array($0.values) } ?? [] }
        for watcher in watchers { watcher.yield() }
        if isOver { changeSignaler.yield() }
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

    // MARK: Hand-over to waiting callers

    /// Says that a caller waits for the pictures of a task, before the task is announced or while it runs.
    ///
    /// Several may wait for the same task: all get the same delivery.
    ///
    /// - Parameter id: Which task.
    /// - Returns: One delivery, or none if the task ends without pictures or they are stored instead.
    public func expect(_ id: TaskID) -> CallerPlace {
        let (deliveries, continuation) = AsyncStream<Delivery>.makeStream()
        let number = state.withLock { state -> Int in
            state.nextNumber += 1
            state.hungUp.remove(id)
            if state.isOver {
                continuation.finish()
            } else {
                state.callers[id, default: [:]][state.nextNumber] = continuation
            }
            return state.nextNumber
        }
        return CallerPlace(task: id, number: number, deliveries: deliveries)
    }

    /// Says that a caller waits no longer; when nobody does, the pictures are stored.
    ///
    /// - Returns: `false` if the engine has taken the caller already: a delivery is on its way.
    @discardableResult
    public func withdraw(_ place: CallerPlace) -> Bool {
        let continuation = state.withLock { $0.leave(place) }
        continuation?.finish()
        return continuation != nil
    }

    /// Says that a caller has hung up: if it was the last, what was not sent to a vendor yet need not be sent.
    public func hangUp(_ place: CallerPlace) {
        let continuation = state.withLock { state in
            let continuation = state.leave(place)
            if continuation != nil, state.callers[place.task] == nil { state.hungUp.insert(place.task) }
            return continuation
        }
        continuation?.finish()
    }

    /// Whether every caller hung up while waiting.
    public func hasHungUp(_ id: TaskID) -> Bool {
        state.withLock { $0.hungUp.contains(id) }
    }

    /// Whether a caller waits for the pictures at this moment.
    public func isAwaited(_ id: TaskID) -> Bool {
        state.withLock { $0.callers[id] != nil }
    }

    /// Says that the engine is done with a task: whoever waits looks at the row.
    public func settled(_ id: TaskID) {
        let callers = state.withLock { state in
            state.hungUp.remove(id)
            return state.callers.removeValue(forKey: id)
        }
        for continuation in (callers ?? [:]).values { continuation.finish() }
    }

    /// Takes all waiting callers, who from now on rely on the delivery.
    ///
    /// - Returns: The way to hand over, or `nil` if nobody waits.
    public func takeCaller(of id: TaskID) -> WaitingCaller? {
        let callers = state.withLock { $0.callers.removeValue(forKey: id) }
        return callers.map { WaitingCaller(continuations: Array($0.values)) }
    }
}

extension TaskBoard.State {
    /// Takes one caller away.
    fileprivate mutating func leave(_ place: CallerPlace) -> AsyncStream<Delivery>.Continuation? {
        let continuation = callers[place.task]?.removeValue(forKey: place.number)
        if callers[place.task]?.isEmpty == true { callers[place.task] = nil }
        return continuation
    }
}

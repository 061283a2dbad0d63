// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Something that happened to a task.
public enum TaskEvent: Sendable {
    /// A process began to work on it, with this division of its pictures.
    case claimed(node: String, portions: [Int])
    /// A process took it over from one that is gone: what was on its way has an unknown outcome.
    case adopted(node: String)
    /// The process gives it back; any may claim it.
    case released
    /// An attempt is about to be sent for a portion.
    case submitting(portion: Int, provider: String, model: String, key: String? = nil, warnings: [String])
    /// The vendor works on it.
    case accepted(portion: Int, job: ProviderJob)
    /// The vendor is done; the pictures are at these addresses.
    case generated(portion: Int, urls: [String], revisedPrompt: String? = nil, usage: Usage?, warnings: [String] = [])
    /// An attempt ended without pictures; the portion may be submitted again.
    case attemptFailed(portion: Int, outcome: Attempt.Outcome, error: String)
    /// The pictures are in the object store.
    case stored(portion: Int, pictures: [StoredPicture], usage: Usage?, warnings: [String])
    /// The pictures went to the waiting caller.
    case delivered(portion: Int, headers: [PictureHeader], usage: Usage?, warnings: [String])
    /// A portion is given up.
    case portionFailed(portion: Int, TaskFailure)
    /// The whole task is given up: its time is over, or its caller cancelled it.
    case gaveUp(TaskFailure)
}

/// An event that cannot happen to a task in its state.
public struct TaskStateError: Error, Sendable, Equatable {
    /// What cannot happen when.
    public var message: String
}

extension ImageTask {
    /// The task after an event: the one function that decides states.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - now: When.
    /// - Returns: The changed task, its version one higher.
    /// - Throws: ``TaskStateError`` when the event cannot happen in this state; a final task never changes.
    public func applying(_ event: TaskEvent, at now: Timestamp) throws(TaskStateError) -> ImageTask {
        guard !status.isFinal else { throw TaskStateError(message: "A \(status.rawValue) task does not change.") }
        var task = self
        task.version += 1
        try task.apply(event, at: now)
        task.finishIfDone(at: now)
        task.progress = max(task.progress, task.measuredProgress)
        return task
    }

    private mutating func apply(_ event: TaskEvent, at now: Timestamp) throws(TaskStateError) {
        switch event {
        case .claimed(let node, let counts):
            guard portions.isEmpty || counts == portions.map(\.count) else {
                throw TaskStateError(message: "A task is divided once.")
            }
            guard !counts.isEmpty, counts.allSatisfy({ $0 > 0 }) else {
                throw TaskStateError(message: "A task cannot be divided into nothing.")
            }
            begin(node: node, counts: counts)
        case .adopted(let node):
            self.node = node
            loseSubmissions(at: now)
        case .released:
            node = nil
            loseSubmissions(at: now)
        case .submitting(let portion, let provider, let model, let key, let warnings):
            try expect(portion, "submitted") { $0 == .queued }
            attempts.append(Attempt(portion: portion, provider: provider, model: model, key: key, startedAt: now))
            portions[portion].stage = .submitting(attempt: attempts.count - 1)
            add(warnings)
        case .accepted(let portion, let job):
            let attempt = try unanswered(portion, "accepted")
            attempts[attempt].vendorTaskID = job.id
            portions[portion].stage = .waiting(attempt: attempt, job: job)
        case .generated(let portion, let urls, let revisedPrompt, let usage, let warnings):
            let attempt = try running(portion, "generated")
            end(attempt, .succeeded, nil, at: now)
            add(usage)
            add(warnings)
            portions[portion].stage = .fetching(attempt: attempt, urls: urls, revisedPrompt: revisedPrompt)
        case .attemptFailed(let portion, let outcome, let error):
            let attempt = try unanswered(portion, "failed")
            end(attempt, outcome, error, at: now)
            portions[portion].stage = .queued
        case .stored(let portion, let pictures, let usage, let warnings):
            try conclude(portion, .stored(pictures), usage, warnings, at: now)
        case .delivered(let portion, let headers, let usage, let warnings):
            try conclude(portion, .delivered(headers), usage, warnings, at: now)
        case .portionFailed(let portion, let failure):
            try expect(portion, "given up") { !$0.isFinal }
            if let attempt = portions[portion].stage.attempt { end(attempt, .unknown, failure.message, at: now) }
            portions[portion].stage = .failed(failure)
        case .gaveUp(let failure):
            giveUp(failure, at: now)
        }
    }

    private mutating func begin(node: String, counts: [Int]) {
        self.node = node
        status = .inProgress
        if portions.isEmpty { portions = counts.map(Portion.init(count:)) }
    }

    /// Nobody waits for the answers to what is on its way any more.
    private mutating func loseSubmissions(at now: Timestamp) {
        for place in portions.indices {
            guard case .submitting(let attempt) = portions[place].stage else { continue }
            end(attempt, .unknown, "The gateway was stopped before the answer came.", at: now)
            portions[place].stage = .queued
        }
    }

    private mutating func conclude(
        _ portion: Int,
        _ stage: Portion.Stage,
        _ usage: Usage?,
        _ warnings: [String],
        at now: Timestamp
    ) throws(TaskStateError) {
        let attempt = try running(portion, "concluded")
        end(attempt, .succeeded, nil, at: now)
        portions[portion].stage = stage
        add(usage)
        add(warnings)
    }

    private mutating func giveUp(_ failure: TaskFailure, at now: Timestamp) {
        let outcome: Attempt.Outcome = failure.code == .taskCancelled ? .cancelled : .unknown
        for place in portions.indices where !portions[place].stage.isFinal {
            if let attempt = portions[place].stage.attempt { end(attempt, outcome, failure.message, at: now) }
            portions[place].stage = .failed(failure)
        }
        if portions.isEmpty { fail(failure, at: now) }
    }

    /// An attempt ends once: a fetch that fails later does not undo that the vendor delivered.
    private mutating func end(_ attempt: Int, _ outcome: Attempt.Outcome, _ error: String?, at now: Timestamp) {
        guard attempts[attempt].outcome == nil else { return }
        attempts[attempt].outcome = outcome
        attempts[attempt].endedAt = now
        attempts[attempt].error = error
    }

    private func running(_ portion: Int, _ event: String) throws(TaskStateError) -> Int {
        try expect(portion, event) { $0.attempt != nil }
        return portions[portion].stage.attempt ?? 0
    }

    /// The attempt whose answer is open: once a vendor has delivered, nothing leads back to another purchase.
    private func unanswered(_ portion: Int, _ event: String) throws(TaskStateError) -> Int {
        try expect(portion, event) { $0.attempt.map { attempts[$0].outcome == nil } == true }
        return portions[portion].stage.attempt ?? 0
    }

    private func expect(
        _ portion: Int,
        _ event: String,
        _ isAllowed: (Portion.Stage) -> Bool
    ) throws(TaskStateError) {
        guard status == .inProgress, portions.indices.contains(portion), isAllowed(portions[portion].stage) else {
            throw TaskStateError(message: "Portion \(portion) cannot be \(event) now.")
        }
    }

    private mutating func add(_ more: Usage?) {
        guard let more else { return }
        usage = usage.map { $0 + more } ?? more
    }

    private mutating func add(_ more: [String]) {
        for warning in more where !warnings.contains(warning) { warnings.append(warning) }
    }

    /// Completes the task when every portion is final: with pictures if there is one, else with the first failure.
    private mutating func finishIfDone(at now: Timestamp) {
        guard status == .inProgress, !portions.isEmpty, portions.allSatisfy(\.stage.isFinal) else { return }
        let failures = portions.compactMap { portion -> TaskFailure? in
            guard case .failed(let failure) = portion.stage else { return nil }
            return failure
        }
        guard let first = failures.first else { return complete(at: now) }
        if headers.isEmpty { return fail(first, at: now) }
        let wanted = portions.reduce(0) { $0 + $1.count }
        warnings.append("\(headers.count) of \(wanted) pictures were made: \(first.message)")
        complete(at: now)
    }

    private mutating func complete(at now: Timestamp) {
        status = .completed
        completedAt = now
        progress = 100
        node = nil
    }

    private mutating func fail(_ failure: TaskFailure, at now: Timestamp) {
        status = .failed
        self.failure = failure
        completedAt = now
        node = nil
    }

    /// A rough measure: a portion under way counts a fifth, a generated one four fifths.
    private var measuredProgress: Int {
        guard status == .inProgress, !portions.isEmpty else { return progress }
        let done = portions.reduce(0) { sum, portion -> Int in
            switch portion.stage {
            case .queued: return sum
            case .submitting: return sum + 20
            case .waiting: return sum + 40
            case .fetching: return sum + 80
            case .stored, .delivered, .failed: return sum + 100
            }
        }
        return min(99, done / portions.count)
    }
}

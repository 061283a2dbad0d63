// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// An object that shall be deleted, and when: a line of the task store's list of what is still to be done.
///
/// Every object of the gateway's is either kept by the row of a task that names it, or on this list, at every moment: the
/// list is written in the same transaction as the change that makes an object nobody's.
public struct Deletion: Sendable, Hashable {
    /// The object.
    public var key: ObjectKey
    /// The task it belonged to; while that is unfinished nothing of it is handed out.
    public var task: TaskID
    /// Not before; of one that was handed out, when it is handed out again if nobody says what became of it.
    public var due: Timestamp
    /// How often it was handed out.
    public var tries: Int

    /// Creates a deletion that nobody has tried.
    public init(key: ObjectKey, task: TaskID, due: Timestamp, tries: Int = 0) {
        self.key = key
        self.task = task
        self.due = due
        self.tries = tries
    }

    /// How long an upload may take that was announced: longer than any does.
    public static let uploadTime = Duration.seconds(3600)

    /// When to try again after a failure: twice as late each time, at most an hour later.
    ///
    /// - Parameter now: When it failed.
    public func nextTry(after now: Timestamp) -> Timestamp {
        let doublings = min(max(tries - 1, 0), 8)
        return now.advanced(by: min(.seconds(15 << doublings), .seconds(3600)))
    }
}

/// What became of deletions that were handed out.
public struct DeletionReport: Sendable {
    /// Those whose objects are gone.
    public var done: [Deletion] = []
    /// Those that are still to be done, as they were handed out.
    public var open: [(deletion: Deletion, next: Timestamp)] = []

    /// Creates an empty report.
    public init() {}
}

extension ImageTask {
    /// The keys under which the pictures of its request lie in the object store.
    public var inputKeys: [ObjectKey] {
        let all = request.inputs + (request.mask.map { [$0] } ?? [])
        return all.enumerated().compactMap { place, input in
            guard case .upload(let header, _) = input else { return nil }
            return ObjectKey.input(of: self, place: place, format: header.format)
        }
    }

    /// The keys of its own pictures.
    public var pictureKeys: [ObjectKey] { pictures.compactMap { ObjectKey($0.key) } }

    /// What must be on the list when the task is written as it is, and what must not be: the one function that decides
    /// about the life of objects.
    ///
    /// A completed task's pictures live as long as its links, and the pictures of its request are of no use any more. Every
    /// other task keeps what it has: one that runs needs it, one that failed can be tried again.
    public var objects: (due: [Deletion], kept: [ObjectKey]) {
        guard let completedAt, let expiresAt else { return ([], inputKeys + pictureKeys) }
        let pictures = pictureKeys.map { Deletion(key: $0, task: id, due: expiresAt) }
        return (pictures + inputKeys.map { Deletion(key: $0, task: id, due: completedAt) }, [])
    }

    /// What is added to the list when the row goes.
    ///
    /// What became due when the task was completed is on the list already, or done.
    ///
    /// - Parameters:
    ///   - now: When.
    ///   - endsLinks: Whether links that still live shall die with the task.
    public func deletions(removedAt now: Timestamp, endsLinks: Bool) -> [Deletion] {
        guard let expiresAt else { return objects.kept.map { Deletion(key: $0, task: id, due: now) } }
        guard endsLinks, now < expiresAt else { return [] }
        return pictureKeys.map { Deletion(key: $0, task: id, due: now) }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore
import Synchronization

/// Tells how many tasks wait before another without counting them all each time.
///
/// A short queue is counted. Of a long one every so many-th name is kept for a second, and only what lies between two of
/// them is counted: ten thousand clients that ask for their places walk through the queue once a second, not each of them.
final class QueueMap: Sendable {
    private struct Marks {
        /// Every ``stride``-th name of the queue, the first one included.
        var names: [String] = []
        var taken: ContinuousClock.Instant?
    }

    /// Shorter queues are counted.
    let counted: Int
    /// How far the marks are apart.
    let stride: Int
    private let marks = Mutex(Marks())

    private static let lifetime = Duration.seconds(1)

    init(counted: Int = 1000, stride: Int = 250) {
        self.counted = counted
        self.stride = stride
    }

    /// The place of a task, the first one is 1; `nil` if it does not wait.
    func position(of id: TaskID, waiting: Int, in db: Database) throws -> Int? {
        let isWaiting = try Bool.fetchOne(
            db.cachedStatement(sql: SQLiteQueries.isUnclaimed),
            arguments: ["id": id.description]
        )
        guard isWaiting == true else { return nil }
        guard waiting > counted else { return try count(after: "", to: id, in: db) }
        let names = try current(in: db)
        let place = Self.place(of: id.description, in: names)
        guard place > 0 else { return 1 }
        return (place - 1) * stride + 1 + (try count(after: names[place - 1], to: id, in: db))
    }

    private func count(after mark: String, to id: TaskID, in db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: SQLiteQueries.unclaimedBetween),
            arguments: ["mark": mark, "id": id.description]
        ) ?? 0
    }

    private func current(in db: Database) throws -> [String] {
        let now = ContinuousClock.now
        let known = marks.withLock { marks -> [String]? in
            let isFresh = marks.taken.map { $0.duration(to: now) < Self.lifetime } ?? false
            guard !isFresh || marks.names.isEmpty else { return marks.names }
            // Whoever asks meanwhile takes the old ones instead of reading the queue as well.
            marks.taken = now
            return nil
        }
        if let known { return known }
        let names = try String.fetchAll(
            db.cachedStatement(sql: SQLiteQueries.everyUnclaimed),
            arguments: ["stride": stride]
        )
        marks.withLock { $0.names = names }
        return names
    }

    /// How many of the sorted names are not behind a name.
    private static func place(of name: String, in names: [String]) -> Int {
        var range = 0..<names.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = names[middle] <= name ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

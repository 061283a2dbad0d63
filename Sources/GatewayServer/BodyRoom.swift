// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many bytes of callers' bodies, or of pictures read back for them, may be in memory at once: whoever would need more
/// is asked to come back.
///
/// What is small, as bodies without pictures are, is not counted, so it is always taken.
final class BodyRoom: Sendable {
    /// The largest body that is not counted: the longest prompt is far smaller.
    static let freeBytes = 256 << 10

    private let limit: Int
    private let used = Mutex(0)

    /// - Parameter limit: How many bytes; 0 for no bound.
    init(limit: Int) {
        self.limit = limit
    }

    /// Does something with a share of the room, and gives the share back.
    func lending<Value>(_ work: (Share) async throws -> Value) async throws -> Value {
        let share = Share(self)
        defer { share.giveBack() }
        return try await work(share)
    }

    /// A share that is given back when nobody holds it any more.
    func share() -> Share { Share(self) }

    /// What one request holds.
    final class Share: Sendable {
        private let room: BodyRoom
        private let held = Mutex(0)

        fileprivate init(_ room: BodyRoom) {
            self.room = room
        }

        deinit { giveBack() }

        /// Grows to so many bytes, if there is room; a body that needs more than all the room is taken alone.
        func grow(to bytes: Int) throws(APIError) {
            guard room.limit > 0, bytes > BodyRoom.freeBytes else { return }
            let isWithin = held.withLock { held in
                room.used.withLock { used in
                    let more = bytes - held
                    guard more > 0 else { return true }
                    guard used == held || used + more <= room.limit else { return false }
                    used += more
                    held += more
                    return true
                }
            }
            guard isWithin else { throw APIError.tooManyBodies }
        }

        fileprivate func giveBack() {
            held.withLock { held in
                room.used.withLock { $0 -= held }
                held = 0
            }
        }
    }
}

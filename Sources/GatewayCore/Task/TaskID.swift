// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The public name of a task: `image_` and a ULID, so that names sort by the time of their making.
public struct TaskID: Sendable, Hashable, Comparable, TextCodable {
    /// The whole name, `image_01KCRVET35FAVZME1CEEED9VBS`.
    public let description: String

    /// What every name begins with.
    public static let prefix = "image_"

    /// Reads a name; `nil` unless it is `image_` and 26 characters of Crockford's base 32, upper case.
    public init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), text.utf8.count == Self.prefix.utf8.count + 26 else { return nil }
        guard text.utf8.dropFirst(Self.prefix.utf8.count).allSatisfy(Self.isDigit) else { return nil }
        description = text
    }

    init(time: UInt64, high: UInt16, low: UInt64) {
        let start = Self.prefix.utf8.count
        description = String(unsafeUninitializedCapacity: start + 26) { characters in
            _ = characters.initialize(from: Self.prefix.utf8)
            var value = (UInt128(time & 0xFFFF_FFFF_FFFF) << 80) | (UInt128(high) << 64) | UInt128(low)
            for place in stride(from: start + 25, through: start, by: -1) {
                characters[place] = Self.alphabet[Int(value & 31)]
                value >>= 5
            }
            return start + 26
        }
    }

    /// The lowest name that a task made at a moment can have: whatever was made before is lower.
    public static func lowest(at moment: Timestamp) -> TaskID {
        TaskID(time: UInt64(max(0, moment.milliseconds)), high: 0, low: 0)
    }

    /// Names order by text, which is the order of their making.
    public static func < (left: TaskID, right: TaskID) -> Bool { left.description < right.description }

    /// Whether the alphabet has a character, which is told without a look through it.
    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "I"), UInt8(ascii: "L"), UInt8(ascii: "O"), UInt8(ascii: "U"): false
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: false
        }
    }

    private static let alphabet = [UInt8]("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
}

/// Makes task names that grow within this process, however many are made in one millisecond.
///
/// Follows the ULID specification's monotonic form: 48 bits of time, 80 bits of chance; within one millisecond (or when
/// the clock steps back) the chance part is increased by one instead of drawn.
public final class TaskIDSource: Sendable {
    private struct Last {
        var time: UInt64 = 0
        var high: UInt16 = 0
        var low: UInt64 = 0
    }

    private let time: any TimeSource
    private let last = Mutex(Last())

    /// Creates a source that reads `time`.
    public init(time: any TimeSource = SystemTime()) {
        self.time = time
    }

    /// The next name.
    public func next() -> TaskID {
        let now = UInt64(max(0, time.now.milliseconds))
        return last.withLock { last in
            if now > last.time {
                // The top bit stays clear, so that counting up never runs over.
                last = Last(time: now, high: .random(in: 0...0x7FFF), low: .random(in: 0...UInt64.max))
            } else {
                let (low, carried) = last.low.addingReportingOverflow(1)
                last.low = low
                if carried { last.high &+= 1 }
            }
            return TaskID(time: last.time, high: last.high, low: last.low)
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A moment of wall-clock time, in whole milliseconds since 1970 (UTC).
public struct Timestamp: Sendable, Hashable, Comparable, Codable {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public var milliseconds: Int64

    /// Creates a moment from milliseconds since 1970.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Creates a moment from whole seconds since 1970.
    public init(seconds: Int64) {
        milliseconds = seconds * 1000
    }

    /// Whole seconds since 1970, rounded down: what clients see.
    public var seconds: Int64 { Int64((Double(milliseconds) / 1000).rounded(.down)) }

    /// The moment `duration` later.
    public func advanced(by duration: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + duration.milliseconds)
    }

    /// The time from this moment until `other`; negative if `other` is earlier.
    public func duration(to other: Timestamp) -> Duration {
        .milliseconds(other.milliseconds - milliseconds)
    }

    /// Earlier moments are smaller.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Reads a plain number of milliseconds.
    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes a plain number of milliseconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }

    /// The duration in seconds.
    public var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

/// Where the time of day and waiting come from: the system's clock, or a clock moved by a test.
public protocol TimeSource: Sendable {
    /// The present moment.
    var now: Timestamp { get }

    /// A reading of a clock that only moves forward, whoever sets the time of day: good for distances within one process.
    var elapsed: Duration { get }

    /// Waits for `duration`.
    ///
    /// - Throws: `CancellationError` when the waiting task is cancelled.
    func sleep(for duration: Duration) async throws
}

extension TimeSource {
    /// The reading of the clock itself, for those that nobody sets back.
    public var elapsed: Duration { .milliseconds(now.milliseconds) }
}

/// The machine's own clock.
public struct SystemTime: TimeSource {
    /// Creates the machine's clock.
    public init() {}

    /// The present moment by `CLOCK_REALTIME`.
    public var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// How long the process has run, by the continuous clock.
    public var elapsed: Duration { Self.start.duration(to: .now) }

    private static let start = ContinuousClock.now

    /// Waits on the continuous clock, which the time of day being set does not disturb.
    public func sleep(for duration: Duration) async throws {
        try await AlarmClock.shared.sleep(for: duration)
    }
}

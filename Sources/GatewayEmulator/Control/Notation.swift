// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// How durations and sizes are written in settings and magic words.
enum Notation {
    /// Reads `250ms`, `3s`, `15m` or `1h`; a fraction such as `1.5s` is allowed.
    static func duration(_ text: some StringProtocol) -> Duration? {
        let units: [(suffix: String, milliseconds: Double)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)]
        for unit in units where text.hasSuffix(unit.suffix) {
            guard let amount = amount(text.dropLast(unit.suffix.count)), amount * unit.milliseconds < 1e12 else {
                continue
            }
            return .milliseconds(Int64(amount * unit.milliseconds))
        }
        return nil
    }

    /// Reads a duration or a range of them, `1s-3s`.
    static func durations(_ text: some StringProtocol) -> ClosedRange<Duration>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { duration($0) }
        guard (1...2).contains(ends.count), let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last
        else {
            return nil
        }
        return first...last
    }

    /// Reads `1048576`, `64KiB`, `1.5MB` and so on.
    static func bytes(_ text: some StringProtocol) -> Int? {
        let units: [(suffix: String, bytes: Double)] = [
            ("KiB", 1024), ("MiB", 1_048_576), ("kB", 1000), ("KB", 1000), ("MB", 1e6), ("B", 1), ("", 1),
        ]
        for unit in units where text.hasSuffix(unit.suffix) {
            guard let amount = amount(text.dropLast(unit.suffix.count)), amount * unit.bytes < 1e12 else { continue }
            return Int(amount * unit.bytes)
        }
        return nil
    }

    /// Writes a duration as it is read.
    static func text(_ duration: Duration) -> String {
        let milliseconds = duration.milliseconds
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    /// Writes a range as it is read.
    static func text(_ range: ClosedRange<Duration>) -> String {
        range.lowerBound == range.upperBound
            ? text(range.lowerBound) : "\(text(range.lowerBound))-\(text(range.upperBound))"
    }

    private static func amount(_ text: some StringProtocol) -> Double? {
        guard !text.isEmpty, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }) else { return nil }
        return Double(text)
    }
}

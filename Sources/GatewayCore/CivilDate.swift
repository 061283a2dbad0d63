// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A day and time of day in UTC, by the Gregorian calendar.
///
/// Signers need these forms a few times for each picture; a calendar object would cost more than the signature.
public struct CivilDate: Sendable, Hashable {
    /// The date's members; the month and the day count from 1, the weekday from Sunday as 0.
    public var year, month, day, hour, minute, second, weekday: Int

    /// The day and time of a moment.
    ///
    /// Days to dates by Howard Hinnant's algorithm (chrono-compatible low-level date algorithms, `civil_from_days`).
    public init(_ time: Timestamp) {
        let seconds = Int(time.seconds)
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60)
        weekday = ((days % 7) + 11) % 7
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// `20261121`.
    public var basicDay: String { Self.digits(year, 4) + Self.digits(month, 2) + Self.digits(day, 2) }

    /// `20261121T154500Z`.
    public var basic: String {
        "\(basicDay)T\(Self.digits(hour, 2))\(Self.digits(minute, 2))\(Self.digits(second, 2))Z"
    }

    /// `2026/11/21`.
    public var path: String { "\(Self.digits(year, 4))/\(Self.digits(month, 2))/\(Self.digits(day, 2))" }

    /// `2026-11-21T15:45:00Z`.
    public var extended: String {
        "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(day, 2))T\(timeOfDay)Z"
    }

    /// `Sat, 21 Nov 2026 15:45:00 GMT`, as HTTP wants it.
    public var http: String {
        let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return
            "\(weekdays[weekday]), \(Self.digits(day, 2)) \(months[month - 1]) \(Self.digits(year, 4)) \(timeOfDay) GMT"
    }

    private var timeOfDay: String {
        "\(Self.digits(hour, 2)):\(Self.digits(minute, 2)):\(Self.digits(second, 2))"
    }

    private static func digits(_ value: Int, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}

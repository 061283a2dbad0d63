// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

extension Timestamp {
    /// Reads the one form of date that HTTP servers send, `Sat, 21 Nov 2026 15:45:00 GMT`.
    public init?(httpDate text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let month = months.firstIndex(of: String(words[2])),
            let day = Self.number(words[1], 1...31), let year = Self.number(words[3], 1970...9999)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = Self.number(clock[0], 0...23), let minute = Self.number(clock[1], 0...59),
            let second = Self.number(clock[2], 0...60)
        else { return nil }
        let days = Self.days(year: year, month: month + 1, day: day)
        self.init(seconds: Int64(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

    /// A number of plain digits in a range.
    fileprivate static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text), range.contains(value) else {
            return nil
        }
        return value
    }

    /// Days since 1970 by Howard Hinnant's `days_from_civil`; the year begins in March, so that the leap day is its last.
    fileprivate static func days(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension Timestamp {
    /// Reads the form of date that credentials carry, `2026-11-21T15:45:00Z`, with fractions and other zones too.
    public init?(iso8601 text: String) {
        let halves = text.split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2, let (clock, lead) = Self.divide(halves[1]) else { return nil }
        let day = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        let time = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard day.count == 3, time.count == 3, let year = Self.number(day[0], 1970...9999),
            let month = Self.number(day[1], 1...12), let date = Self.number(day[2], 1...31),
            let hour = Self.number(time[0], 0...23), let minute = Self.number(time[1], 0...59),
            let second = Self.number(time[2].prefix { $0 != "." }, 0...60)
        else { return nil }
        let days = Self.days(year: year, month: month, day: date)
        self.init(seconds: Int64(days * 86_400 + hour * 3600 + minute * 60 + second - lead))
    }

    /// The time of day, and how many seconds its zone is ahead of UTC.
    private static func divide(_ text: Substring) -> (clock: Substring, lead: Int)? {
        if text.hasSuffix("Z") { return (text.dropLast(), 0) }
        guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return nil }
        let zone = text[text.index(after: sign)...].filter { $0 != ":" }
        guard zone.count == 4, let hours = number(Substring(zone.prefix(2)), 0...23),
            let minutes = number(Substring(zone.suffix(2)), 0...59)
        else { return nil }
        return (text[..<sign], (hours * 3600 + minutes * 60) * (text[sign] == "-" ? -1 : 1))
    }
}

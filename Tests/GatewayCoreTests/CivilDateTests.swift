// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@Suite struct CivilDateTests {
    static let known: [(seconds: Int64, extended: String, http: String)] = [
        (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        (-86_400, "1969-12-31T00:00:00Z", "Wed, 31 Dec 1969 00:00:00 GMT"),
        (-86_401, "1969-12-30T23:59:59Z", "Tue, 30 Dec 1969 23:59:59 GMT"),
        (784_111_777, "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "2000-02-28T23:59:59Z", "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "2000-03-01T00:00:00Z", "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_369_353_600, "2013-05-24T00:00:00Z", "Fri, 24 May 2013 00:00:00 GMT"),
        (1_709_164_800, "2024-02-29T00:00:00Z", "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "2024-12-31T23:59:59Z", "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "2100-03-01T00:00:00Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-2_203_891_200, "1900-03-01T00:00:00Z", "Thu, 01 Mar 1900 00:00:00 GMT"),
    ]

    @Test(arguments: known)
    func `a moment has its known date`(seconds: Int64, extended: String, http: String) {
        let date = CivilDate(Timestamp(seconds: seconds))

        #expect(date.extended == extended)
        #expect(date.http == http)
    }

    @Test func `the forms of one date agree`() {
        let date = CivilDate(Timestamp(seconds: 1_369_353_600 + 3723))

        #expect(date.basic == "20130524T010203Z")
        #expect(date.basicDay == "20130524")
        #expect(date.path == "2013/05/24")
    }

    @Test func `every day from 1890 to 2110 is the one the system's calendar gives`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))

        for day in stride(from: -29_220, to: 51_134, by: 1) {
            let date = CivilDate(Timestamp(seconds: Int64(day) * 86_400 + 45_296))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second, .weekday],
                from: Date(timeIntervalSince1970: Double(day) * 86_400 + 45_296)
            )
            try #require(
                [date.year, date.month, date.day, date.hour, date.minute, date.second, date.weekday + 1]
                    == [parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second, parts.weekday]
            )
        }
    }

    static let rounded: [(milliseconds: Int64, seconds: Int64)] = [
        (0, 0), (999, 0), (1000, 1), (1999, 1), (-1, -1), (-1000, -1), (-1001, -2), (1_700_000_000_999, 1_700_000_000),
    ]

    @Test(arguments: rounded)
    func `seconds are milliseconds rounded down, before 1970 too`(milliseconds: Int64, seconds: Int64) {
        #expect(Timestamp(milliseconds: milliseconds).seconds == seconds)
    }

    @Test func `moments and durations add up`() {
        let start = Timestamp(seconds: 100)
        let end = start.advanced(by: .milliseconds(1500))

        #expect(end == Timestamp(milliseconds: 101_500))
        #expect(start.duration(to: end) == .milliseconds(1500))
        #expect(end.duration(to: start) == .milliseconds(-1500))
        #expect(start < end)
        #expect(Duration.seconds(2).inSeconds == 2)
        #expect(Duration.microseconds(1999).milliseconds == 1)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization
import Testing

@testable import GatewayEngine

@Suite struct OutagesTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.add("\(event.level) \(event.message) \(event.metadata?["error"]?.description ?? "")")
        }
    }

    @Test func `an outage is told when it begins, when it changes and when it is over`() {
        let lines = Lines()
        let logger = Logger(label: "test") { _ in Handler(lines: lines) }
        let outages = Outages()

        outages.worked(.storing, logger)
        for _ in 0..<100 { outages.failed(.storing, "full", logger) }
        outages.failed(.heartbeat, "full", logger)
        outages.worked(.claiming, logger)
        outages.failed(.storing, "gone", logger)
        for _ in 0..<3 { outages.worked(.storing, logger) }
        outages.failed(.storing, "gone", logger)

        let begins = Outages.Subject.storing.begins
        #expect(
            lines.all == [
                "error \(begins) full", "error \(Outages.Subject.heartbeat.begins) full", "error \(begins) gone",
                "notice \(Outages.Subject.storing.ends) ", "error \(begins) gone",
            ]
        )
    }
}

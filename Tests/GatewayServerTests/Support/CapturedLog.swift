// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Keeps every log line, with everything that is in it.
final class CapturedLog: Sendable {
    private let kept = Mutex<[String]>([])

    /// The lines so far: message, metadata, everything.
    var lines: [String] { kept.withLock { $0 } }

    /// The whole log as one text.
    var text: String { lines.joined(separator: "\n") }

    /// A logger that writes here, down to the most talkative level.
    func logger() -> Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private func keep(_ line: String) { kept.withLock { $0.append(line) } }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            let notes = all.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            log.keep("\(event.level) \(event.message) \(notes)")
        }
    }
}

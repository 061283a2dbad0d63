// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Logging
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes the program's logger as the configuration says.
enum LogSetup {
    static func logger(_ log: GatewayConfiguration.Log) -> Logger {
        var logger = Logger(label: "image-gateway") { label in
            switch log.format {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler()
            }
        }
        logger.logLevel = Logger.Level(rawValue: log.level) ?? .info
        return logger
    }
}

/// One JSON object a line on standard error.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    /// The longest value that is written: whatever slips into a log line stays short.
    private static let longest = 500

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let now = SystemTime().now
        var members = [
            JSON.Member("time", JSON(CivilDate(now).extended)), JSON.Member("level", JSON(event.level.rawValue)),
            JSON.Member("message", JSON(event.message.description)),
        ]
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            members.append(JSON.Member(name, JSON(String(value.description.prefix(Self.longest)))))
        }
        var line = JSON.object(members).encoded()
        line.writeString("\n")
        // One write for each line: lines of several threads do not mix.
        line.withUnsafeReadableBytes { bytes in
            _ = write(2, bytes.baseAddress, bytes.count)
        }
    }
}

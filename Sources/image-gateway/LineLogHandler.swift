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

/// One line for each event on standard error: a JSON object, or text for people.
struct LineLogHandler: LogHandler {
    let format: GatewayConfiguration.Log.Format
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(format: GatewayConfiguration.Log.Format) {
        self.format = format
    }

    /// The longest value that is written: whatever slips into a log line stays short.
    private static let longest = 500

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // The server's own words on starting and stopping: the gateway says the same in its own.
        if event.source == "HummingbirdCore", event.level < .warning, logLevel > .debug { return }
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var line =
            switch format {
            case .json: Self.object(event, all)
            case .text: Self.sentence(event, all)
            }
        line.writeString("\n")
        // One write for each line: lines of several threads do not mix.
        line.withUnsafeReadableBytes { bytes in
            _ = write(2, bytes.baseAddress, bytes.count)
        }
    }

    private typealias Pairs = [(key: String, value: Logger.MetadataValue)]

    private static func object(_ event: LogEvent, _ pairs: Pairs) -> ByteBuffer {
        var members = [
            JSON.Member("time", JSON(now)), JSON.Member("level", JSON(event.level.rawValue)),
            JSON.Member("message", JSON(event.message.description)),
        ]
        for (name, value) in pairs { members.append(JSON.Member(name, json(value))) }
        return JSON.object(members).encoded()
    }

    /// Numbers stay numbers, so that they can be compared and added up.
    private static func json(_ value: Logger.MetadataValue) -> JSON {
        guard case .stringConvertible(let value) = value else { return JSON(short(value)) }
        return switch value {
        case let number as any BinaryInteger: JSON(number)
        case let number as Double: JSON(number)
        case let flag as Bool: .bool(flag)
        default: JSON(String(value.description.prefix(longest)))
        }
    }

    private static func sentence(_ event: LogEvent, _ pairs: Pairs) -> ByteBuffer {
        let level = event.level.rawValue
        let room = String(repeating: " ", count: max(1, 9 - level.count))
        var line = ByteBuffer(string: "\(now) \(level)\(room)\(plain(event.message.description))")
        for (name, value) in pairs { line.writeString(" \(name)=\(quoted(plain(short(value))))") }
        return line
    }

    private static func short(_ value: Logger.MetadataValue) -> String { String(value.description.prefix(longest)) }

    /// Without control characters: what comes from outside begins no line of its own.
    private static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
                }
            )
        )
    }

    private static func quoted(_ text: String) -> String {
        guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return text }
        return "\"\(text.replacing("\"", with: "\\\""))\""
    }

    /// `2026-11-21T15:45:00.123Z`.
    private static var now: String {
        let now = SystemTime().now
        let fraction = String(now.milliseconds % 1000 + 1000).dropFirst()
        return "\(CivilDate(now).extended.dropLast()).\(fraction)Z"
    }
}

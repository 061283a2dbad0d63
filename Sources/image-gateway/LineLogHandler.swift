// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Logging
import NIOCore

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
        let pairs = pairs(of: event)
        let (format, now) = (format, SystemTime().now)
        LogOutput.standardError.write(isUrgent: event.level > .info) { line in
            switch format {
            case .json: Self.writeObject(event, pairs, now, to: &line)
            case .text: Self.writeSentence(event, pairs, now, to: &line)
            }
        }
    }

    private typealias Pairs = [(key: String, value: Logger.MetadataValue)]

    /// The logger's and the line's own, by name; the line's own win.
    private func pairs(of event: LogEvent) -> Pairs {
        var pairs: Pairs = []
        let own = event.metadata ?? [:]
        pairs.reserveCapacity(own.count + metadata.count)
        for (key, value) in own { pairs.append((key, value)) }
        for (key, value) in metadata where own[key] == nil { pairs.append((key, value)) }
        pairs.sort { $0.key < $1.key }
        return pairs
    }

    private static func writeObject(_ event: LogEvent, _ pairs: Pairs, _ now: Timestamp, to line: inout ByteBuffer) {
        line.writeString("{\"time\":\"")
        writeTime(now, to: &line)
        line.writeString("\",\"level\":\"\(event.level.rawValue)\",\"message\":")
        line.writeJSONString(event.message.description)
        for (name, value) in pairs {
            line.writeString(",")
            line.writeJSONString(name)
            line.writeString(":")
            write(value, to: &line)
        }
        line.writeString("}\n")
    }

    /// Numbers stay numbers, so that they can be compared and added up.
    private static func write(_ value: Logger.MetadataValue, to line: inout ByteBuffer) {
        guard case .stringConvertible(let value) = value else { return line.writeJSONString(short(value)) }
        switch value {
        case let number as Int: line.writeString(String(number))
        case is any BinaryInteger: line.writeString(value.description)
        case let number as Double: line.writeJSON(JSON(number))
        case let flag as Bool: line.writeString(flag ? "true" : "false")
        default: line.writeJSONString(short(value.description))
        }
    }

    private static func writeSentence(_ event: LogEvent, _ pairs: Pairs, _ now: Timestamp, to line: inout ByteBuffer) {
        writeBeginning(event.level, event.message.description, now, to: &line)
        for (name, value) in pairs { writePair(name, short(value), to: &line) }
        line.writeString("\n")
    }

    static func writeBeginning(_ level: Logger.Level, _ message: String, _ now: Timestamp, to line: inout ByteBuffer) {
        let level = level.rawValue
        let room = String(repeating: " ", count: max(1, 9 - level.count))
        writeTime(now, to: &line)
        line.writeString(" \(level)\(room)\(plain(message))")
    }

    static func writePair(_ name: String, _ value: String, to line: inout ByteBuffer) {
        line.writeString(" \(name)=\(quoted(plain(short(value))))")
    }

    private static func short(_ value: Logger.MetadataValue) -> String {
        guard case .string(let text) = value else { return short(value.description) }
        return short(text)
    }

    static func short(_ text: String) -> String {
        text.utf8.count <= longest ? text : String(text.prefix(longest))
    }

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
    static func writeTime(_ now: Timestamp, to line: inout ByteBuffer) {
        let date = CivilDate(now)
        line.writeWithUnsafeMutableBytes(minimumWritableBytes: 24) { bytes in
            var end = 0
            func put(_ value: Int, _ digits: Int, _ mark: Unicode.Scalar) {
                var rest = value
                for place in stride(from: end + digits - 1, through: end, by: -1) {
                    bytes[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                bytes[end + digits] = UInt8(ascii: mark)
                end += digits + 1
            }
            put(date.year, 4, "-")
            put(date.month, 2, "-")
            put(date.day, 2, "T")
            put(date.hour, 2, ":")
            put(date.minute, 2, ":")
            put(date.second, 2, ".")
            put(Int(now.milliseconds % 1000), 3, "Z")
            return end
        }
    }
}

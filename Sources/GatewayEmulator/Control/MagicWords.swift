// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a prompt asks of the emulator: `[emulate:fault=503]`, `[emulate:latency=2s]` and so on.
struct MagicWords: Sendable, Equatable {
    /// The prompt without its magic words.
    var spoken: String
    /// How long the call shall take.
    var latency: ClosedRange<Duration>?
    /// To how many bytes pictures are filled up.
    var pictureBytes: Int?
    /// The faults of every call, with the vendor they are meant for.
    var faults: [Wish] = []
    /// The faults of the first, second, … call; later calls have none.
    var sequence: [Wish]?

    /// A fault as it was written, and the vendor it is meant for if not all.
    struct Wish: Sendable, Equatable {
        var fault: String
        var vendor: String?
    }

    private static let opening = "[emulate:"
    private static let limit = 32

    /// Reads the magic words of a prompt.
    ///
    /// A word the emulator does not know is an error: a test with a typing mistake in it would prove nothing.
    init(_ prompt: String) throws(EmulatorSettingsError) {
        spoken = prompt
        // A prompt has a megabyte at times, and magic words almost never.
        guard prompt.utf8.contains(UInt8(ascii: "[")), prompt.contains(Self.opening) else { return }
        var rest = prompt[...]
        var plain = ""
        var count = 0
        while let start = rest.firstRange(of: Self.opening), let end = rest[start.upperBound...].firstIndex(of: "]") {
            plain += rest[..<start.lowerBound]
            count += 1
            guard count <= Self.limit else {
                throw EmulatorSettingsError("A prompt has at most \(Self.limit) magic words.")
            }
            try take(rest[start.upperBound..<end])
            rest = rest[rest.index(after: end)...]
        }
        plain += rest
        spoken = plain.split(separator: " ").joined(separator: " ")
    }

    private mutating func take(_ word: Substring) throws(EmulatorSettingsError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, parts.count == 2, let value = parts.last else {
            faults.append(try Self.wish(word))
            return
        }
        switch name {
        case "latency":
            guard let range = Notation.durations(value), range.upperBound <= EmulatorSettings.longestWait else {
                throw EmulatorSettingsError("latency must be a duration or a range up to 1h, such as 2s or 1s-3s.")
            }
            latency = range
        case "bytes", "picture_bytes":
            guard let bytes = Notation.bytes(value), bytes <= EmulatorSettings.largestPicture else {
                throw EmulatorSettingsError("bytes must be a size up to 100MiB, such as 1MB.")
            }
            pictureBytes = bytes
        case "fault": faults.append(try Self.wish(value))
        case "finish", "block": faults.append(try Self.wish("\(name):\(value)"))
        case "faults": sequence = try Self.wishes(value)
        default: throw EmulatorSettingsError("The emulator has no magic word \(name).")
        }
    }

    private static func wishes(_ text: Substring) throws(EmulatorSettingsError) -> [Wish] {
        var wishes: [Wish] = []
        for name in text.split(separator: ",") { wishes.append(try wish(name)) }
        return wishes
    }

    private static func wish(_ text: some StringProtocol) throws(EmulatorSettingsError) -> Wish {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let vendor = parts.count == 2 ? parts.last.map { String($0) } : nil
        if let vendor, !FaultCatalog.vendors.contains(vendor) {
            throw EmulatorSettingsError("The emulator has no vendor \(vendor).")
        }
        guard let name = parts.first, FaultCatalog.has(name, vendor: vendor) else {
            throw EmulatorSettingsError(FaultCatalog.unknown(text))
        }
        return Wish(fault: String(name), vendor: vendor)
    }
}

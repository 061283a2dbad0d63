// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Yams

/// Reads one mapping of the configuration, key by key, and collects every mistake instead of stopping at the first.
///
/// Every key that is asked for is known from then on; ``close()`` complains about the others. That is why this is not
/// `Codable`, which stops at the first mistake and passes unknown keys over.
final class SettingsReader {
    /// The mistakes of a whole file.
    final class Mistakes {
        private(set) var sentences: [String] = []

        func add(_ sentence: String) { sentences.append(sentence) }
    }

    let path: String
    let mistakes: Mistakes
    private let values: [String: Node]
    private let order: [String]
    private let environment: [String: String]
    private var known: Set<String> = []

    /// - Parameters:
    ///   - node: The mapping; `nil` for an absent one, which has no keys.
    ///   - path: Where it stands, for complaints; empty for the whole file.
    init(_ node: Node?, path: String, environment: [String: String], mistakes: Mistakes) {
        self.path = path
        self.environment = environment
        self.mistakes = mistakes
        var values: [String: Node] = [:]
        var order: [String] = []
        if let mapping = node?.mapping {
            for (key, value) in mapping {
                let name = key.string ?? "?"
                if values.updateValue(value, forKey: name) != nil { mistakes.add("\(path)\(name) is there twice.") }
                order.append(name)
            }
        } else if let node, node.null == nil {
            mistakes.add("\(path.isEmpty ? "The configuration" : String(path.dropLast())) must be a mapping of keys.")
        }
        self.values = values
        self.order = order
    }

    var isEmpty: Bool { values.isEmpty }

    /// The keys that are there, in the order of the file.
    var names: [String] { order }

    /// Complains about every key nobody asked for.
    func close() {
        for name in order where !known.contains(name) {
            let nearest = known.min { Self.distance($0, name) < Self.distance($1, name) }
            let hint = nearest.map { " Did you mean \(path)\($0)?" } ?? ""
            mistakes.add("\(path)\(name) is not a known key.\(hint)")
        }
    }

    /// Takes keys for known whatever they hold.
    func passOver(_ names: String...) { known.formUnion(names) }

    // MARK: Values

    func section(_ name: String) -> SettingsReader {
        SettingsReader(take(name), path: "\(path)\(name).", environment: environment, mistakes: mistakes)
    }

    func sections(_ name: String) -> [SettingsReader] {
        guard let node = take(name) else { return [] }
        guard let sequence = node.sequence else {
            mistakes.add("\(path)\(name) must be a list.")
            return []
        }
        return sequence.enumerated().map { place, node in
            SettingsReader(node, path: "\(path)\(name)[\(place)].", environment: environment, mistakes: mistakes)
        }
    }

    /// Whether a key is there and has a value.
    func has(_ name: String) -> Bool { take(name) != nil }

    /// Whether a key is there and has keys of its own.
    func isMapping(_ name: String) -> Bool { take(name)?.mapping != nil }

    /// A list of mappings that may be neither absent nor empty.
    func neededSections(_ name: String, _ sentence: String) -> [SettingsReader] {
        if take(name).map({ $0.sequence?.isEmpty == true }) ?? true { complain(name, sentence) }
        return sections(name)
    }

    /// A variable of the environment that is set and not empty.
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    func text(_ name: String) -> String? {
        take(name).flatMap { scalar($0, name) }
    }

    /// A text that may be absent, but not empty.
    func nonEmptyText(_ name: String) -> String? {
        guard let text = text(name) else { return nil }
        if text.isEmpty { complain(name, "may not be empty.") }
        return text.isEmpty ? nil : text
    }

    /// A text that may be neither absent nor empty.
    func neededText(_ name: String) -> String? {
        if !has(name) { complain(name, "is missing.") }
        return nonEmptyText(name)
    }

    /// A list of texts that may be neither absent nor empty.
    func neededTexts(_ name: String) -> [String]? {
        if !has(name) { complain(name, "is missing.") }
        guard let texts = texts(name) else { return nil }
        if texts.isEmpty || texts.contains("") { complain(name, "needs at least one entry, and none may be empty.") }
        return texts
    }

    func texts(_ name: String) -> [String]? {
        guard let node = take(name) else { return nil }
        guard let sequence = node.sequence else {
            mistakes.add("\(path)\(name) must be a list.")
            return nil
        }
        let texts = sequence.enumerated().compactMap { scalar($1, "\(name)[\($0)]") }
        return texts.count == sequence.count ? texts : nil
    }

    /// A text, or a list of texts.
    func textOrTexts(_ name: String) -> [String]? {
        take(name)?.sequence == nil ? text(name).map { [$0] } : texts(name)
    }

    func pairs(_ name: String) -> [String: String] {
        guard let node = take(name) else { return [:] }
        guard let mapping = node.mapping else {
            mistakes.add("\(path)\(name) must be a mapping of names.")
            return [:]
        }
        var pairs: [String: String] = [:]
        for (key, value) in mapping {
            guard let key = key.string, let value = scalar(value, "\(name).\(key)") else { continue }
            pairs[key] = value
        }
        return pairs
    }

    /// A secret that may be absent, but not empty.
    func secret(_ name: String) -> Secret? {
        nonEmptyText(name).map { Secret($0) }
    }

    func integer(_ name: String, _ range: ClosedRange<Int>) -> Int? {
        value(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func flag(_ name: String) -> Bool? {
        value(name, "true or false") { ["true": true, "false": false][$0.lowercased()] }
    }

    func duration(_ name: String, zeroIsAllowed: Bool = false) -> Duration? {
        value(name, "a duration such as 250ms, 3s, 15m, 24h or 7d") { text in
            Self.duration(text).flatMap { zeroIsAllowed || $0 > .zero ? $0 : nil }
        }
    }

    func bytes(_ name: String) -> Int? {
        value(name, "a size such as 64KiB or 50MiB") { text in Self.bytes(text).flatMap { $0 > 0 ? $0 : nil } }
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) -> Choice? {
        let known = Choice.allCases.map { $0.rawValue }.joined(separator: ", ")
        return value(name, "one of: \(known)") { Choice(rawValue: $0) }
    }

    /// Refuses keys of the reference that this version does not act on: ignoring them would be worse.
    func refuse(_ names: String...) {
        for name in names where take(name) != nil {
            mistakes.add("\(path)\(name) is not supported by this version; take it out.")
        }
    }

    func complain(_ name: String, _ sentence: String) {
        mistakes.add("\(path)\(name) \(sentence)")
    }

    private func value<Value>(_ name: String, _ wanted: String, _ read: (String) -> Value?) -> Value? {
        guard let text = text(name) else { return nil }
        guard let value = read(text) else {
            mistakes.add("\(path)\(name) must be \(wanted), not '\(text.prefix(40))'.")
            return nil
        }
        return value
    }

    /// The node of a key; an empty value counts as absent.
    private func take(_ name: String) -> Node? {
        known.insert(name)
        guard let node = values[name], node.null == nil else { return nil }
        return node
    }

    private func scalar(_ node: Node, _ name: String) -> String? {
        guard let text = node.scalar?.string else {
            mistakes.add("\(path)\(name) must be a single value.")
            return nil
        }
        return filled(text, name)
    }

    /// Puts environment variables in place of `${NAME}`.
    private func filled(_ text: String, _ name: String) -> String? {
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                mistakes.add("\(path)\(name) has '${' without '}'.")
                return nil
            }
            let variable = String(rest[..<end])
            guard let value = environment[variable] else {
                mistakes.add("\(path)\(name) needs the environment variable \(variable), which is not set.")
                return nil
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    // MARK: Forms

    static func duration(_ text: String) -> Duration? {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        guard let (number, factor) = quantity(text, units) else { return nil }
        return .milliseconds(number * factor)
    }

    static func bytes(_ text: String) -> Int? {
        let units: [(String, Int64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)]
        guard let (number, factor) = quantity(text, units) else { return nil }
        let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: factor)
        return isTooLarge ? nil : Int(exactly: bytes)
    }

    /// A whole number and one of the units; at most ten digits, so that no duration overflows.
    private static func quantity(_ text: String, _ units: [(String, Int64)]) -> (Int64, Int64)? {
        for (unit, factor) in units where text.hasSuffix(unit) {
            let digits = text.dropLast(unit.count)
            guard (1...10).contains(digits.count), digits.allSatisfy(\.isNumber), let number = Int64(digits) else {
                continue
            }
            return (number, factor)
        }
        return nil
    }

    /// How many letters to change, add or drop to make one word of the other.
    private static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let substituted = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A header's value with its parameters: `form-data; name="image"; filename="fox.png"`.
struct HeaderParameters {
    /// What stands before the first semicolon, in lower case.
    let essence: String
    private var pairs: [(name: String, value: String)] = []

    /// Reads a value; what cannot be read is left out, as every lenient reader of such headers does.
    init(_ text: String) {
        var rest = text[...]
        let essence = rest.prefix { $0 != ";" }
        self.essence = essence.trimmed.lowercased()
        rest = rest.dropFirst(essence.count)
        while rest.first == ";" {
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            let name = rest.prefix { $0 != "=" && $0 != ";" }
            rest = rest.dropFirst(name.count)
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
            let value = Self.value(&rest)
            pairs.append((name.trimmed.lowercased(), value))
            rest = rest.drop { $0 != ";" }
        }
    }

    /// The value of a parameter; `nil` if it is not there.
    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// How often a parameter is there.
    func count(of name: String) -> Int { pairs.count { $0.name == name } }

    private static func value(_ rest: inout Substring) -> String {
        guard rest.first == "\"" else {
            let plain = rest.prefix { $0 != ";" }
            rest = rest.dropFirst(plain.count)
            return plain.trimmed
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst(), character != "\"" {
            // A backslash before anything else is itself: browsers on Windows sent whole paths.
            if character == "\\", let next = rest.first, next == "\"" || next == "\\" {
                value.append(next)
                rest = rest.dropFirst()
            } else {
                value.append(character)
            }
        }
        return value
    }
}

extension Substring {
    /// Without spaces and tabs around it.
    var trimmed: String {
        let start = drop { $0 == " " || $0 == "\t" }
        return String(start.prefix(start.count - start.reversed().prefix { $0 == " " || $0 == "\t" }.count))
    }
}

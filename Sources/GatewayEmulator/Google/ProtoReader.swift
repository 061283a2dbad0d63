// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// Reads protobuf's JSON as Google's front end does: both spellings of a name, and no name that is not in the schema.
struct ProtoReader {
    private var violations: [(field: String, description: String)] = []
    /// Enough to see what is wrong.
    private static let mostViolations = 20

    /// Reads a message.
    ///
    /// - Returns: The message with names in camel case, without members that are null.
    /// - Throws: All that is wrong with it, in one error.
    static func read(_ json: JSON, as message: ProtoMessage) throws(GoogleFailure) -> JSON {
        var reader = ProtoReader()
        guard case .object = json else {
            throw .invalid("Invalid JSON payload received. Root element must be a message.")
        }
        let normalized = reader.value(json, .message(message), path: "")
        guard reader.violations.isEmpty else {
            throw .invalid(
                reader.violations.map(\.description).joined(separator: "\n"),
                details: [GoogleFailure.badRequest(reader.violations)]
            )
        }
        return normalized
    }

    /// What a text says that is not JSON.
    static func syntax(_ error: JSONError) -> GoogleFailure {
        .invalid("Invalid JSON payload received. \(error.message)")
    }

    private mutating func value(_ json: JSON, _ field: ProtoField, path: String) -> JSON {
        switch field {
        case .any: return json
        case .message(let message): return object(json, message, path: path)
        case .list(let element): return list(json, element, path: path)
        case .text: return check(json.string != nil, json, "TYPE_STRING", path)
        case .bool: return check(json.bool != nil, json, "TYPE_BOOL", path)
        case .number: return check(number(json) != nil, json, "TYPE_FLOAT", path)
        case .integer:
            let number = json.integer ?? json.string.flatMap { Int($0) }
            guard let number, Int32(exactly: number) != nil else { return check(false, json, "TYPE_INT32", path) }
            return JSON(number)
        case .bytes: return bytes(json, path: path)
        case .enumeration(let type, let values, let ignoresCase):
            let name = json.string.map { ignoresCase ? $0.uppercased() : $0 }
            guard let name, values.contains(name) else {
                return check(false, json, "type.googleapis.com/google.ai.generativelanguage.v1beta.\(type)", path)
            }
            return JSON(name)
        }
    }

    private mutating func object(_ json: JSON, _ message: ProtoMessage, path: String) -> JSON {
        guard let members = json.members else { return check(false, json, "a message", path) }
        var known: [JSON.Member] = []
        for member in members {
            let name = ProtoName.camelCase(member.name)
            guard let field = message.fields[name] else {
                let place = path.isEmpty ? "" : " at '\(path)'"
                let stranger = member.name.prefix(100)
                note(path, "Invalid JSON payload received. Unknown name \"\(stranger)\"\(place): Cannot find field.")
                continue
            }
            if member.value == .null { continue }
            let inner = ProtoName.snakeCase(name)
            known.append(.init(name, value(member.value, field, path: path.isEmpty ? inner : "\(path).\(inner)")))
        }
        return .object(known)
    }

    private mutating func list(_ json: JSON, _ element: ProtoField, path: String) -> JSON {
        guard let elements = json.array else {
            note(
                path,
                "Invalid value at '\(path)' (TYPE_LIST), a list is expected."
            )
            return json
        }
        var read: [JSON] = []
        for (place, json) in elements.enumerated() { read.append(value(json, element, path: "\(path)[\(place)]")) }
        return .array(read)
    }

    private mutating func bytes(_ json: JSON, path: String) -> JSON {
        guard case .string(let text) = json, Base64.decode(text.bytes) != nil else {
            note(path, "Invalid value at '\(path)' (TYPE_BYTES), Base64 decoding failed.")
            return json
        }
        return json
    }

    private func number(_ json: JSON) -> Double? {
        json.double ?? json.string.flatMap { Double($0) }
    }

    private mutating func check(_ isRight: Bool, _ json: JSON, _ type: String, _ path: String) -> JSON {
        if !isRight {
            let shown = String(buffer: json.encoded()).prefix(100)
            note(path, "Invalid value at '\(path)' (\(type)), \(shown)")
        }
        return json
    }

    private mutating func note(_ field: String, _ description: String) {
        guard violations.count < Self.mostViolations else { return }
        violations.append((field, description))
    }
}

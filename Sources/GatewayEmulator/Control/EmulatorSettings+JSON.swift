// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension EmulatorSettings {
    /// The settings as `GET /_emulator/settings` shows them.
    var json: JSON {
        JSON(present: [
            "latency": JSON(Notation.text(latency)),
            "fault_rate": JSON(faultRate),
            "faults": .array(faults.map { JSON($0) }),
            "key_faults": Self.json(keyFaults),
            "model_faults": Self.json(modelFaults),
            "vendor_faults": Self.json(vendorFaults),
            "seed": JSON(seed),
            "keys": .array(keys.map { JSON($0) }),
            "picture_bytes": pictureBytes.map { JSON($0) },
            "variations": JSON(variations),
            "request_limit": JSON(requestLimit),
            "imagen": JSON(imagen.rawValue),
            "closed_models": .array(closedModels.map { JSON($0) }),
            "hingnet_states": .array(hingnetStates.map { JSON($0) }),
            "hingnet_storage_off": hingnetStorageOff.map { JSON($0) },
            "drip": JSON(Notation.text(drip)),
            "hold": JSON(Notation.text(hold)),
        ])
    }

    /// These settings with the members of an object in their place; what it does not name stays.
    func changed(by json: JSON) throws(EmulatorSettingsError) -> EmulatorSettings {
        guard let members = json.members else { throw EmulatorSettingsError("The settings must be a JSON object.") }
        var settings = self
        for member in members { try settings.set(member.name, member.value) }
        try settings.check()
        return settings
    }

    private mutating func set(_ name: String, _ value: JSON) throws(EmulatorSettingsError) {
        switch name {
        case "latency":
            latency = try Self.read(name, "a duration or a range, such as 2s or 1s-3s", value) {
                $0.string.flatMap(Notation.durations)
            }
        case "fault_rate": faultRate = try Self.read(name, "a number from 0 to 1", value) { $0.double }
        case "faults": faults = try Self.read(name, "a list of fault names", value, Self.list)
        case "key_faults": keyFaults = try Self.read(name, "an object of key: fault", value, Self.table)
        case "model_faults": modelFaults = try Self.read(name, "an object of model: fault", value, Self.table)
        case "vendor_faults": vendorFaults = try Self.read(name, "an object of vendor: fault", value, Self.table)
        case "seed":
            seed = try Self.read(name, "a whole number from 0 on", value) { $0.integer.flatMap { UInt64(exactly: $0) } }
        case "keys": keys = try Self.read(name, "a list of keys", value, Self.list)
        case "picture_bytes": pictureBytes = try Self.optionalBytes(name, value)
        case "variations": variations = try Self.read(name, "a whole number", value) { $0.integer }
        case "request_limit": requestLimit = try Self.read(name, "a size such as 20MiB", value, Self.bytes)
        case "imagen": imagen = try Self.read(name, "retired or legacy", value) { $0.string.flatMap(ImagenMode.init) }
        case "closed_models": closedModels = try Self.read(name, "a list of models", value, Self.list)
        case "hingnet_states": hingnetStates = try Self.read(name, "a list of words", value, Self.list)
        case "hingnet_storage_off":
            hingnetStorageOff =
                value == .null ? nil : try Self.read(name, "a status such as 500, or null", value) { $0.integer }
        case "drip":
            drip = try Self.read(name, "a duration such as 10s", value) { $0.string.flatMap { Notation.duration($0) } }
        case "hold":
            hold = try Self.read(name, "a duration such as 10m", value) { $0.string.flatMap { Notation.duration($0) } }
        default: throw EmulatorSettingsError("There is no setting \(name).")
        }
    }

    private static func read<Value>(
        _ name: String,
        _ expected: String,
        _ json: JSON,
        _ read: (JSON) -> Value?
    ) throws(EmulatorSettingsError) -> Value {
        guard let value = read(json) else { throw EmulatorSettingsError("\(name) must be \(expected).") }
        return value
    }

    private static func optionalBytes(_ name: String, _ json: JSON) throws(EmulatorSettingsError) -> Int? {
        if json == .null { return nil }
        return try read(name, "a size such as 1MB, or null", json, bytes)
    }

    private static func bytes(_ json: JSON) -> Int? {
        json.integer ?? json.string.flatMap { Notation.bytes($0) }
    }

    private static func list(_ json: JSON) -> [String]? {
        guard let elements = json.array, elements.count <= 1000 else { return nil }
        let texts = elements.compactMap(\.string)
        return texts.count == elements.count ? texts : nil
    }

    private static func table(_ json: JSON) -> [String: String]? {
        guard let members = json.members, members.count <= 1000 else { return nil }
        let pairs = members.compactMap { member in member.value.string.map { (member.name, $0) } }
        return pairs.count == members.count ? Dictionary(pairs) { _, last in last } : nil
    }

    private static func json(_ table: [String: String]) -> JSON {
        .object(table.sorted { $0.key < $1.key }.map { JSON.Member($0.key, JSON($0.value)) })
    }
}

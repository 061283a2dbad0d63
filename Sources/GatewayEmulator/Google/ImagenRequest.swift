// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A `predict` request that the model takes.
struct ImagenRequest: Sendable {
    var prompt = ""
    var count = 4
    var size = PixelSize(1024, 1024)
    var format = PictureFormat.png
    var quality = 75
    var includesReasons = false
    var includesSafety = false

    private static let schema: ProtoMessage = ["instances": .list(.any), "parameters": .any]

    /// Reads a request's form; what is in it, ``init(_:_:)`` checks.
    static func read(_ body: ByteBuffer) throws(GoogleFailure) -> JSON {
        let json: JSON
        do throws(JSONError) {
            json = try JSON(reading: body)
        } catch {
            throw ProtoReader.syntax(error)
        }
        return try ProtoReader.read(json, as: schema)
    }

    /// Checks a request against a model.
    init(_ message: JSON, _ traits: ImagenTraits) throws(GoogleFailure) {
        guard let instances = message["instances"]?.array, instances.count == 1, let instance = instances.first else {
            throw .invalid("Exactly one instance is required.")
        }
        if let stranger = instance.members?.first(where: { $0.name != "prompt" }) {
            throw .invalid("\(stranger.name.prefix(100)) is not supported by this model.")
        }
        guard let prompt = instance["prompt"]?.string, !prompt.allSatisfy(\.isWhitespace) else {
            throw .invalid("The prompt is required and must not be empty.")
        }
        self.prompt = prompt
        guard let parameters = message["parameters"] else { return }
        guard let members = parameters.members else { throw .invalid("The parameters must be an object.") }
        var ratio = "1:1"
        var tier = SizeTier.oneK
        for member in members where member.value != .null {
            switch member.name {
            case "aspectRatio": ratio = try Self.choice(member, ImagenTraits.ratios)
            case "sampleImageSize", "imageSize": tier = try Self.tier(member, traits)
            default: try take(member)
            }
        }
        if let shape = AspectRatio(ratio), let pixels = ImagenTraits.pixels[shape, tier] { size = pixels }
    }

    private mutating func take(_ member: JSON.Member) throws(GoogleFailure) {
        switch member.name {
        case "sampleCount": count = try Self.number(member, 1...4)
        case "includeRaiReason": includesReasons = try Self.bool(member)
        case "includeSafetyAttributes": includesSafety = try Self.bool(member)
        case "personGeneration":
            _ = try Self.choice(member, ["dont_allow", "allow_adult", "allow_all"], ignoresCase: true)
        case "safetySetting": _ = try Self.choice(member, ["block_low_and_above"], ignoresCase: true)
        case "language": _ = try Self.choice(member, ["auto", "en", "ja", "ko", "hi", "zh", "pt", "es"])
        case "guidanceScale":
            guard member.value.double != nil else { throw Self.wrong(member, "a number") }
        case "outputMimeType": format = try Self.format(member)
        case "outputOptions": try takeOutput(member)
        default: throw .invalid("\(member.name.prefix(100)) parameter is not supported.")
        }
    }

    private mutating func takeOutput(_ output: JSON.Member) throws(GoogleFailure) {
        guard let members = output.value.members else { throw Self.wrong(output, "an object") }
        for member in members where member.value != .null {
            switch member.name {
            case "mimeType": format = try Self.format(member)
            case "compressionQuality": quality = try Self.number(member, 0...100)
            default: throw .invalid("outputOptions.\(member.name.prefix(100)) parameter is not supported.")
            }
        }
    }

    private static func tier(_ member: JSON.Member, _ traits: ImagenTraits) throws(GoogleFailure) -> SizeTier {
        guard !traits.tiers.isEmpty else { throw .invalid("\(member.name) is not supported by this model.") }
        let name = try choice(member, traits.tiers.map(\.rawValue))
        return SizeTier(rawValue: name) ?? .oneK
    }

    private static func format(_ member: JSON.Member) throws(GoogleFailure) -> PictureFormat {
        let type = try choice(member, ["image/png", "image/jpeg"])
        return type == "image/jpeg" ? .jpeg : .png
    }

    private static func choice(
        _ member: JSON.Member,
        _ choices: [String],
        ignoresCase: Bool = false
    ) throws(GoogleFailure) -> String {
        let text = member.value.string.map { ignoresCase ? $0.lowercased() : $0 }
        guard let text, choices.contains(text) else { throw wrong(member, "one of \(choices.joined(separator: ", "))") }
        return text
    }

    private static func number(_ member: JSON.Member, _ range: ClosedRange<Int>) throws(GoogleFailure) -> Int {
        guard let number = member.value.integer, range.contains(number) else {
            throw wrong(member, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func bool(_ member: JSON.Member) throws(GoogleFailure) -> Bool {
        guard let value = member.value.bool else { throw wrong(member, "true or false") }
        return value
    }

    private static func wrong(_ member: JSON.Member, _ expected: String) -> GoogleFailure {
        .invalid("Invalid value for \(member.name): it must be \(expected).")
    }
}

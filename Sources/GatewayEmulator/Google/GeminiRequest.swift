// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// A `generateContent` request whose form is right; whether a model can do it, ``GeminiPlan`` decides.
struct GeminiRequest: Sendable {
    /// One part of what the caller said.
    enum Part: Sendable {
        case text(String)
        case picture(mediaType: String, data: ByteBuffer, isSigned: Bool)
        case file(uri: String)
        case other
    }

    /// What somebody said.
    struct Turn: Sendable {
        var isModel: Bool
        var parts: [Part]
    }

    var turns: [Turn]
    var wantsText = true
    var wantsImage = true
    var wantsAudio = false
    var aspectRatio: String?
    var imageSize: String?
    var thinkingLevel: String?
    var includesThoughts = false
    var seed: Int?
    var candidateCount: Int?
    var maxOutputTokens: Int?
    var safetyCategories: [String] = []

    /// What the caller said in words.
    var prompt: String {
        let texts = turns.filter { !$0.isModel }.flatMap(\.parts).compactMap { part in
            if case .text(let text) = part { text } else { nil }
        }
        return texts.joined(separator: "\n")
    }

    /// The pictures the caller gave, and the places where they stand.
    var pictures: [(mediaType: String, data: ByteBuffer)] {
        turns.filter { !$0.isModel }.flatMap(\.parts).compactMap { part in
            if case .picture(let type, let data, _) = part { (type, data) } else { nil }
        }
    }

    /// Reads a request.
    ///
    /// - Parameters:
    ///   - body: The request's bytes.
    ///   - version: The version in its path.
    /// - Throws: What the vendor's front end rejects, whatever the model.
    init(_ body: ByteBuffer, version: String) throws(GoogleFailure) {
        let json: JSON
        do throws(JSONError) {
            json = try JSON(reading: body)
        } catch {
            throw ProtoReader.syntax(error)
        }
        let message = try ProtoReader.read(json, as: GeminiSchema.request(version: version))
        turns = try Self.turns(message["contents"]?.array ?? [])
        safetyCategories = message["safetySettings"]?.array?.compactMap { $0["category"]?.string } ?? []
        if let configuration = message["generationConfig"] { read(configuration) }
    }

    private mutating func read(_ configuration: JSON) {
        let modalities = configuration["responseModalities"]?.array?.compactMap(\.string) ?? []
        if !modalities.isEmpty {
            wantsText = modalities.contains("TEXT")
            wantsImage = modalities.contains("IMAGE")
            wantsAudio = modalities.contains("AUDIO")
        }
        aspectRatio = configuration["imageConfig"]?["aspectRatio"]?.string
        imageSize = configuration["imageConfig"]?["imageSize"]?.string
        thinkingLevel = configuration["thinkingConfig"]?["thinkingLevel"]?.string
        includesThoughts = configuration["thinkingConfig"]?["includeThoughts"]?.bool ?? false
        seed = configuration["seed"]?.integer
        candidateCount = configuration["candidateCount"]?.integer
        maxOutputTokens = configuration["maxOutputTokens"]?.integer
    }

    private static func turns(_ contents: [JSON]) throws(GoogleFailure) -> [Turn] {
        guard !contents.isEmpty else {
            throw .invalid("* GenerateContentRequest.contents: contents is not specified\n")
        }
        var turns: [Turn] = []
        for (place, content) in contents.enumerated() {
            let role = content["role"]?.string ?? "user"
            guard ["user", "model", ""].contains(role) else { throw .invalid("Please use a valid role: user, model.") }
            guard let parts = content["parts"]?.array, !parts.isEmpty else {
                throw .invalid("* GenerateContentRequest.contents[\(place)].parts: contents.parts must not be empty.\n")
            }
            var turn = Turn(isModel: role == "model", parts: [])
            for (number, json) in parts.enumerated() {
                turn.parts.append(try part(json, place: "contents[\(place)].parts[\(number)]"))
            }
            turns.append(turn)
        }
        guard turns.last?.isModel == false else {
            throw .invalid("Please ensure that the request ends with a user turn.")
        }
        return turns
    }

    private static func part(_ json: JSON, place: String) throws(GoogleFailure) -> Part {
        if let text = json["text"]?.string { return .text(text) }
        if let data = json["inlineData"] {
            guard case .string(let text)? = data["data"], let bytes = Base64.decode(text.bytes), bytes.readableBytes > 0
            else { throw .invalid("* GenerateContentRequest.\(place).inline_data.data: must not be empty.\n") }
            return .picture(
                mediaType: data["mimeType"]?.string ?? "",
                data: bytes,
                isSigned: json["thoughtSignature"] != nil
            )
        }
        if let uri = json["fileData"]?["fileUri"]?.string { return .file(uri: uri) }
        let members = json.members ?? []
        guard members.contains(where: { !["thought", "thoughtSignature"].contains($0.name) }) else {
            throw .invalid(
                "* GenerateContentRequest.\(place).data: required oneof field 'data' must have one initialized field\n"
            )
        }
        return .other
    }
}

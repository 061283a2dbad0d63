// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Reads the members of a request body as the contract spells them.
struct ImageBody {
    private let members: JSON

    /// Members by which other gateways' callers steered calls and credentials elsewhere: refused, never ignored.
    private static let steering: Set<String> = [
        "api_base", "base_url", "api_key", "api_version", "api_type", "azure_endpoint", "endpoint", "host", "fallbacks",
        "provider", "providers", "custom_llm_provider", "route", "router", "user_config", "model_list", "deployment_id",
        "organization", "project", "credentials", "credential", "credential_name", "litellm_credential_name", "headers",
        "extra_headers", "default_headers", "proxy", "http_client", "vertex_project", "vertex_location",
        "vertex_credentials", "aws_access_key_id", "aws_secret_access_key", "aws_region_name",
        "aws_bedrock_runtime_endpoint",
    ]

    init(_ body: JSON) throws(InvalidRequest) {
        guard let found = body.members else {
            throw InvalidRequest(.invalidValue, nil, "The body must be a JSON object, not \(body.kindName).")
        }
        for member in found {
            let name = Self.stem(member.name)
            guard !Self.steering.contains(name) else {
                throw InvalidRequest(
                    .unsupportedParameter,
                    member.name,
                    "The parameter '\(name)' is not taken: the gateway alone decides which provider and key are used."
                )
            }
        }
        members = body
    }

    /// The name without what stands in brackets or behind a dot, in lower case.
    private static func stem(_ name: String) -> String {
        // Nearly every name is its own stem, which is seen at a glance at its bytes.
        let isStem = name.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        }
        return isStem ? name : name.prefix { $0 != "[" && $0 != "." }.lowercased()
    }

    /// The request as it was written, types checked.
    func draft(_ kind: ImageRequest.Kind) throws(InvalidRequest) -> ImageRequest.Draft {
        try refuseUnsupported()
        if kind == .generation, let name = EditPictures.given(in: members) {
            throw InvalidRequest(
                .unsupportedParameter,
                name,
                "Text-to-image takes no pictures; send '\(name)' to /v1/images/edits."
            )
        }
        var draft = ImageRequest.Draft()
        draft.kind = kind
        draft.model = try text("model")
        draft.prompt = try text("prompt")
        draft.count = try number("n")
        draft.size = try text("size")
        draft.aspectRatio = try text("aspect_ratio")
        draft.quality = try text("quality")
        draft.background = try text("background")
        draft.outputFormat = try text("output_format")
        draft.outputCompression = try number("output_compression")
        draft.responseFormat = try text("response_format")
        draft.seed = try number("seed")
        draft.negativePrompt = try text("negative_prompt")
        draft.style = try text("style")
        draft.moderation = try text("moderation")
        draft.user = try text("user")
        draft.metadata = try pairs("metadata")
        draft.webhookURL = try text("webhook_url")
        return draft
    }

    /// Whether the answer shall be a stream of events; no vendor draws in steps, so `partial_images` gets none, which the
    /// clients allow for.
    func streams() throws(InvalidRequest) -> Bool {
        let streams = try flag("stream") ?? false
        let partials = try number("partial_images") ?? 0
        guard (0...3).contains(partials) else {
            throw InvalidRequest(.invalidValue, "partial_images", "The parameter 'partial_images' must be 0 to 3.")
        }
        guard streams || partials == 0 else {
            throw InvalidRequest(.invalidValue, "partial_images", "The parameter 'partial_images' needs stream: true.")
        }
        return streams
    }

    /// What this version does not do, said instead of ignored: a caller who asked for it relies on it.
    private func refuseUnsupported() throws(InvalidRequest) {
        if members["markup"] != nil {
            throw InvalidRequest(
                .unsupportedParameter,
                "markup",
                "The parameter 'markup' is not supported; use 'mask'."
            )
        }
    }

    private func text(_ name: String) throws(InvalidRequest) -> String? {
        guard let value = members[name] else { return nil }
        guard case .string(let found) = value else { throw wrongType(name, "a string", value) }
        guard let text = found.string else {
            throw InvalidRequest(.invalidJSON, name, "The parameter '\(name)' is not valid UTF-8.")
        }
        return text
    }

    private func number(_ name: String) throws(InvalidRequest) -> Int? {
        guard let value = members[name] else { return nil }
        guard case .number = value else { throw wrongType(name, "a whole number", value) }
        guard let number = value.integer else {
            throw InvalidRequest(
                .invalidValue,
                name,
                "The parameter '\(name)' must be a whole number of reasonable size."
            )
        }
        return number
    }

    private func flag(_ name: String) throws(InvalidRequest) -> Bool? {
        guard let value = members[name] else { return nil }
        guard let flag = value.bool else { throw wrongType(name, "true or false", value) }
        return flag
    }

    private func pairs(_ name: String) throws(InvalidRequest) -> [String: String] {
        guard let value = members[name] else { return [:] }
        guard let found = value.members else { throw wrongType(name, "an object of strings", value) }
        var pairs: [String: String] = [:]
        for member in found {
            guard let text = member.value.string else {
                throw wrongType("\(name).\(member.name.prefix(64))", "a string", member.value)
            }
            pairs[member.name] = text
        }
        return pairs
    }

    private func wrongType(_ name: String, _ wanted: String, _ value: JSON) -> InvalidRequest {
        InvalidRequest(.invalidValue, name, "The parameter '\(name)' must be \(wanted), not \(value.kindName).")
    }
}

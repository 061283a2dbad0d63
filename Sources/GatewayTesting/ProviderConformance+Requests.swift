// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

extension ProviderConformance {
    func misspelledRequests(_ recording: Recording) async -> [String] {
        let run = await run(recording)
        guard run.sent.count == recording.exchanges.count else {
            return ["\(run.sent.count) requests were sent, not \(recording.exchanges.count)"]
        }
        return zip(run.sent, recording.exchanges).flatMap(Self.differences)
    }

    private static func differences(_ sent: ReplayTransport.Sent, _ expected: Recording.Exchange) -> [String] {
        var sentences: [String] = []
        if let method = expected.method, sent.request.method.rawValue != method {
            sentences.append("the method is \(sent.request.method), not \(method)")
        }
        if let path = expected.path, sent.request.url != "https://\(host)\(path)" {
            sentences.append("the address is \(sent.request.url), not \(path)")
        }
        if let body = expected.body {
            let text = String(buffer: sent.body)
            let isSame = (try? JSON(reading: sent.body)).map { $0.means(body) } ?? false
            if !isSame { sentences.append("the body is \(text), not \(String(buffer: body.encoded()))") }
        }
        return sentences
    }

    func repeatedRequests(_ recording: Recording) async -> [String] {
        let run = await run(recording)
        var sentences: [String] = []
        guard recording.job == nil else { return [] }
        if run.sent.count != 1 { sentences.append("\(run.sent.count) requests were sent") }
        if run.sent.contains(where: \.request.isRepeatable) { sentences.append("the transport may repeat the request") }
        return sentences
    }

    func escapedKeys(_ recording: Recording) async -> [String] {
        let run = await run(recording, answers: recording.exchanges.map { Self.withCanaries($0.answer) })
        var sentences = run.sent.flatMap(Self.keyMistakes)
        if let error = run.error {
            // The mirror of an error is what a careless log line prints.
            if String(reflecting: error).contains(Self.key) { sentences.append("the error has the key") }
        }
        return sentences
    }

    private static func keyMistakes(_ sent: ReplayTransport.Sent) -> [String] {
        var sentences: [String] = []
        let count = sent.request.headers.count { $0.value.contains(key) }
        if count != 1 { sentences.append("the key stands in \(count) headers") }
        if sent.request.url.contains(key) { sentences.append("the key stands in the address") }
        if String(buffer: sent.body).contains(key) { sentences.append("the key stands in the body") }
        return sentences
    }

    func indiscreetMessages(_ recording: Recording) async -> [String] {
        let run = await run(recording, answers: recording.exchanges.map { Self.withCanaries($0.answer) })
        let told: [String]
        switch run.result {
        case .failure(let error): told = [error.message]
        case .success(.done(let result)): told = result.missing
        case .success(.waiting): told = []
        }
        let descriptor = provider.descriptor
        let names =
            [descriptor.kind, descriptor.defaultBaseURL] + descriptor.title.split(separator: " ").map(String.init)
        // What a model wrote is the caller's; what its vendor wrote is not.
        let canaries = [Self.key] + (recording.quotesModel ? [] : [Self.words, Self.host])
        return told.flatMap { message -> [String] in
            var sentences = (names + canaries).filter { message.lowercased().contains($0.lowercased()) }
                .map { "the message has '\($0)'" }
            if message.isEmpty || message.count > 500 {
                sentences.append("the message has \(message.count) characters")
            }
            return sentences
        }
    }

    /// The answer with canaries in every sentence of the vendor's, so that a leak is seen.
    private static func withCanaries(_ answer: ReplayTransport.Answer) -> ReplayTransport.Answer {
        guard case .response(var response) = answer else { return answer }
        if let body = try? JSON(reading: response.body) {
            response.body = withCanaries(body).encoded()
        } else {
            response.body.writeString(" \(words) https://\(host)/ \(key)")
        }
        return .response(response)
    }

    private static func withCanaries(_ value: JSON) -> JSON {
        switch value {
        case .string(.text(let text)) where text.contains(" "): JSON("\(text) \(words), https://\(host)/?key=\(key)")
        case .array(let elements): .array(elements.map(withCanaries))
        case .object(let members): .object(members.map { JSON.Member($0.name, withCanaries($0.value)) })
        case .null, .bool, .number, .string: value
        }
    }

    var refusedWishes: [String] {
        get async {
            guard let success = recordings["success"] else { return ["the recording 'success' is missing"] }
            let answer = success.exchanges.map(\.answer)
            var sentences: [String] = []
            for model in provider.descriptor.models {
                for call in Self.calls(for: model) {
                    let run = await run(call, answers: answer)
                    if run.error != nil || run.sent.count != 1 {
                        sentences.append("\(model.id): \(call) is not asked for in one request")
                    } else if run.sent.contains(where: { !$0.mentions(model.id) }) {
                        sentences.append("\(model.id): the request does not name the model")
                    }
                }
            }
            return sentences
        }
    }

    private static func calls(for model: ModelDescription) -> [ProviderCall] {
        let capabilities = model.capabilities
        let plain = ProviderCall(model: model.id, prompt: "A red fox in the snow")
        var calls = [plain]
        for ratio in capabilities.aspectRatios {
            for tier in capabilities.tiers.map(Optional.some) + [nil] {
                var call = plain
                call.aspectRatio = ratio
                call.tier = tier
                calls.append(call)
            }
        }
        for quality in ImageRequest.Quality.allCases {
            var call = plain
            call.quality = quality
            call.seed = capabilities.hasSeed ? 7 : nil
            call.negativePrompt = capabilities.hasNegativePrompt ? "no people" : nil
            call.background = capabilities.hasTransparency ? .transparent : nil
            calls.append(call)
        }
        for format in capabilities.formats {
            var call = plain
            call.format = format
            call.compression = format == .png ? nil : 80
            call.count = capabilities.maxCount
            calls.append(call)
        }
        return calls
    }

    var listingMistakes: [String] {
        get async {
            guard let recording = recordings["models"] else { return ["the recording 'models' is missing"] }
            var sentences: [String] = []
            let transport = ReplayTransport(recording.exchanges.map(\.answer))
            let names = try? await adapter(transport).models(key: Secret(Self.key))
            if names?.isEmpty ?? true { sentences.append("no model is named") }
            if transport.sent.count != recording.exchanges.count {
                sentences.append("\(transport.sent.count) requests were sent, not \(recording.exchanges.count)")
            }
            sentences += zip(transport.sent, recording.exchanges).flatMap(Self.differences)
            sentences += transport.sent.flatMap(Self.keyMistakes)
            if transport.sent.contains(where: { !$0.request.isRepeatable }) {
                sentences.append("it may not be repeated")
            }
            do throws(ProviderError) {
                let lost = TransportError(.timedOut, mayHaveArrived: true, "The script's failure.")
                _ = try await adapter(ReplayTransport([.failure(lost)])).models(key: Secret(Self.key))
                sentences.append("a lost answer is taken for a success")
            } catch {
                if error.outcome == .unknown { sentences.append("a lost answer is taken for a purchase") }
            }
            return sentences
        }
    }

    var descriptorMistakes: [String] {
        let descriptor = provider.descriptor
        var sentences: [String] = []
        let isPlain = descriptor.kind.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") }
        if descriptor.kind.isEmpty || !isPlain { sentences.append("the kind is not in lower case") }
        if !descriptor.defaultBaseURL.hasPrefix("https://") { sentences.append("the address is not https") }
        let names = descriptor.models.flatMap { [$0.id] + $0.aliases }
        if names.isEmpty { sentences.append("no model is known") }
        if Set(names).count != names.count { sentences.append("a model's name stands there twice") }
        for name in names where !descriptor.modelPrefixes.contains(where: { name.hasPrefix($0) }) {
            sentences.append("\(name) has none of the prefixes")
        }
        for model in descriptor.models { sentences += Self.tableMistakes(model) }
        return sentences
    }

    private static func tableMistakes(_ model: ModelDescription) -> [String] {
        let capabilities = model.capabilities
        var sentences: [String] = []
        if capabilities.maxCount < 1 { sentences.append("\(model.id): maxCount is less than one") }
        if !capabilities.tiers.isEmpty, !capabilities.tiers.contains(capabilities.defaultTier) {
            sentences.append("\(model.id): the default tier is none of its tiers")
        }
        for ratio in capabilities.aspectRatios {
            for tier in capabilities.tiers.isEmpty ? [capabilities.defaultTier] : capabilities.tiers {
                guard let size = capabilities.pixels[ratio, tier] else {
                    sentences.append("\(model.id): no pixels for \(ratio) \(tier.rawValue)")
                    continue
                }
                let skew = size.quotient / ratio.quotient
                if !(0.9...1.1).contains(skew) { sentences.append("\(model.id): \(size) is not \(ratio)") }
            }
        }
        return sentences
    }
}

extension ReplayTransport.Sent {
    /// Whether the request names a model, in its address or its body.
    fileprivate func mentions(_ model: String) -> Bool {
        request.url.contains(model) || String(buffer: body).contains(model)
    }
}

extension JSON {
    /// Whether both say the same, whatever the order of members.
    fileprivate func means(_ other: JSON) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            left.count == right.count
                && left.allSatisfy { member in right.contains { $0.name == member.name && member.value.means($0.value) }
                }
        case (.array(let left), .array(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.means($1) }
        case (.string(let left), .string(let right)): left.string == right.string
        default: self == other
        }
    }
}

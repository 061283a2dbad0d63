// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayConfiguration.Route {
    /// Reads an entry of `routes`.
    init?(_ reader: SettingsReader) {
        // An empty match is for all.
        if !reader.has("match") { reader.complain("match", "is missing.") }
        let (match, providers) = (reader.text("match"), reader.neededTexts("providers"))
        let weights = Self.weights(reader, providers)
        let onRefusal: OnRefusal? = reader.choice("on_refusal")
        reader.close()
        guard let match, let providers else { return nil }
        self.init(match: match, providers: providers)
        self.weights = weights
        self.onRefusal = onRefusal ?? self.onRefusal
    }

    /// The weights, from under `strategy` or from beside it; `nil` for the order of the list.
    private static func weights(_ reader: SettingsReader, _ providers: [String]?) -> [String: Int]? {
        let example = "for example strategy: { weighted: { google: 3, hingnet: 1 } }"
        // The short form, a line of its own instead of `strategy`.
        let hasShortForm = reader.has("weighted")
        if reader.isMapping("strategy") {
            let strategy = reader.section("strategy")
            let hasWeights = strategy.has("weighted")
            strategy.close()
            if hasWeights, hasShortForm { reader.complain("weighted", "is there twice; take one out.") }
            if strategy.isEmpty, !hasShortForm {
                reader.complain("strategy", "needs the providers' weights, \(example).")
            }
            return hasWeights ? read(strategy, providers) : hasShortForm ? read(reader, providers) : nil
        }
        let name = reader.text("strategy")
        switch (name, hasShortForm) {
        case (nil, false), ("priority", false): return nil
        case (nil, true), ("weighted", true): return read(reader, providers)
        case ("weighted", false): reader.complain("strategy", "needs the providers' weights, \(example).")
        case ("priority", true): reader.complain("weighted", "has no effect with strategy: priority; take one out.")
        default: reader.complain("strategy", "must be priority, or weighted with weights, \(example).")
        }
        return nil
    }

    private static func read(_ reader: SettingsReader, _ providers: [String]?) -> [String: Int]? {
        var weights: [String: Int] = [:]
        let section = reader.section("weighted")
        for name in section.names {
            weights[name] = section.integer(name, 0...1000)
            if let providers, !providers.contains(name) {
                section.complain(name, "is not in the providers of this route.")
            }
        }
        if reader.isMapping("weighted"), section.names.count == weights.count,
            !weights.values.contains(where: { $0 > 0 })
        {
            reader.complain("weighted", "needs at least one provider with a weight above 0.")
        }
        return weights
    }
}

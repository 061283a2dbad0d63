// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension ProviderManual {
    /// All of it as a document: `docs/providers.md`.
    public var markdown: String {
        """
        # Providers

        <!-- Written by `make docs` from the descriptors in providers/; changes here are lost. -->

        What each kind of vendor is, and what its models can be told. A wish that a model cannot honor becomes the closest
        value and a warning, or is refused: `server.parameters`. What a vendor publishes about its models today takes the place
        of its table here. `image-gateway providers` prints the same, `--json` for programs.

        """ + descriptors.map(Self.chapter).joined()
    }

    private static func chapter(_ descriptor: ProviderDescriptor) -> String {
        let bound = descriptor.defaultMaxConcurrent
        let facts = [
            ("`kind`", "`\(descriptor.kind)`"),
            ("`base_url`", descriptor.defaultBaseURL),
            ("key without a configuration file", "`\(descriptor.keyVariable)`"),
            ("model names begin with", words(descriptor.modelPrefixes)),
            ("answers", descriptor.hasJobs ? "with a job that is asked for" : "with the picture"),
            ("`max_concurrent`", bound == 0 ? "0, no bound" : "\(bound)"),
            ("`timeout`", "\(descriptor.defaultTimeout.components.seconds)s"),
            ("`resubmit_unknown`", "`\(descriptor.defaultResubmitUnknown.rawValue)`"),
        ]
        let models = descriptor.models.map { row(words([$0.id]), words($0.aliases), $0.capabilities) }
        let rest = row("any other", "", descriptor.unknownModel)
        let lines = ["## \(descriptor.title)", "", "| | |", "|---|---|"] + facts.map { "| \($0.0) | \($0.1) |" }
        return "\n" + (lines + [""] + heading + models + [rest]).joined(separator: "\n") + "\n" + sizes(descriptor)
    }

    private static let heading = [
        "| model | also named | pictures a call | formats | compression | quality | seed | negative prompt | transparency "
            + "| edits | mask | prompt |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]

    private static func row(_ name: String, _ aliases: String, _ able: ModelCapabilities) -> String {
        let formats = able.formats.isEmpty ? "\(able.nativeFormat.rawValue), no choice" : formats(able)
        let inputs = "\(able.maxInputs) of \(able.inputFormats.map(\.rawValue).joined(separator: ", "))"
        let cells = [
            name, aliases, "\(able.maxCount)", formats, mark(able.hasCompression),
            able.qualities.map(\.rawValue).joined(separator: ", "), mark(able.hasSeed), mark(able.hasNegativePrompt),
            mark(able.hasTransparency), able.maxInputs == 0 ? "" : inputs, mark(able.takesMask), "\(able.promptLimit)",
        ]
        return "| " + cells.joined(separator: " | ") + " |"
    }

    private static func formats(_ able: ModelCapabilities) -> String {
        able.formats.map { $0 == able.nativeFormat ? "**\($0.rawValue)**" : $0.rawValue }.joined(separator: ", ")
    }

    /// One table for each set of sizes, under the names of the models that share it.
    private static func sizes(_ descriptor: ProviderDescriptor) -> String {
        var groups: [(names: [String], able: ModelCapabilities)] = []
        for model in descriptor.models where !model.capabilities.pixels.shapes.isEmpty {
            let able = model.capabilities
            let known = groups.firstIndex {
                ($0.able.pixels, $0.able.tiers, $0.able.aspectRatios) == (able.pixels, able.tiers, able.aspectRatios)
            }
            if let known { groups[known].names.append(model.id) } else { groups.append(([model.id], able)) }
        }
        return groups.map { "\nSizes of \(words($0.names)):\n\n" + table($0.able) }.joined()
    }

    private static func table(_ able: ModelCapabilities) -> String {
        let tiers = able.tiers.isEmpty ? [able.defaultTier] : able.tiers
        let shapes = able.aspectRatios.isEmpty ? able.pixels.shapes : able.aspectRatios
        let names = tiers.map { $0 == able.defaultTier ? "**\($0.rawValue)**" : $0.rawValue }
        let rows = shapes.map { shape in
            "| \(shape) | " + tiers.map { able.pixels[shape, $0]?.description ?? "" }.joined(separator: " | ") + " |"
        }
        let head = ["| shape | \(names.joined(separator: " | ")) |", "|---|" + tiers.map { _ in "---|" }.joined()]
        return (head + rows).joined(separator: "\n") + "\n"
    }

    private static func words(_ words: [String]) -> String { words.map { "`\($0)`" }.joined(separator: ", ") }

    private static func mark(_ isSo: Bool) -> String { isSo ? "yes" : "" }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What is known of every vendor, for people and for programs; made from the descriptors, so that it cannot go stale.
public struct ProviderManual: Sendable {
    let descriptors: [ProviderDescriptor]

    /// Creates the manual of some kinds of vendors.
    public init(_ vendors: [any ImageTaskProvider.Type] = GatewayConfiguration.knownVendors) {
        descriptors = vendors.map { $0.descriptor }
    }

    /// A few lines for each vendor, for a terminal.
    public var text: String {
        descriptors.map { descriptor in
            let names = descriptor.models.map { "  " + ([$0.id] + $0.aliases).joined(separator: ", ") }
            let head =
                "\(descriptor.kind): \(descriptor.title), \(descriptor.defaultBaseURL), key in \(descriptor.keyVariable)"
            return ([head] + names).joined(separator: "\n") + "\n"
        }.joined(separator: "\n")
    }

    /// All of it, for programs.
    public var json: JSON { ["providers": .array(descriptors.map(Self.json))] }

    private static func json(_ descriptor: ProviderDescriptor) -> JSON {
        [
            "kind": JSON(descriptor.kind),
            "title": JSON(descriptor.title),
            "base_url": JSON(descriptor.defaultBaseURL),
            "key_variable": JSON(descriptor.keyVariable),
            "model_prefixes": .array(descriptor.modelPrefixes.map { JSON($0) }),
            "has_jobs": .bool(descriptor.hasJobs),
            "max_concurrent": JSON(descriptor.defaultMaxConcurrent),
            "timeout_seconds": JSON(descriptor.defaultTimeout.components.seconds),
            "resubmit_unknown": JSON(descriptor.defaultResubmitUnknown.rawValue),
            "models": .array(descriptor.models.map(json)),
        ]
    }

    private static func json(_ model: ModelDescription) -> JSON {
        let able = model.capabilities
        let pixels = able.pixels.shapes.map { shape in
            let sizes = SizeTier.allCases.compactMap { tier in
                able.pixels[shape, tier].map { JSON.Member(tier.rawValue, JSON($0.description)) }
            }
            return JSON.Member(shape.description, .object(sizes))
        }
        return [
            "id": JSON(model.id),
            "aliases": .array(model.aliases.map { JSON($0) }),
            "aspect_ratios": .array(able.aspectRatios.map { JSON($0.description) }),
            "tiers": .array(able.tiers.map { JSON($0.rawValue) }),
            "default_tier": JSON(able.defaultTier.rawValue),
            "pixels": .object(pixels),
            "max_count": JSON(able.maxCount),
            "formats": .array(able.formats.map { JSON($0.rawValue) }),
            "native_format": JSON(able.nativeFormat.rawValue),
            "compression": .bool(able.hasCompression),
            "qualities": .array(able.qualities.map { JSON($0.rawValue) }),
            "seed": .bool(able.hasSeed),
            "negative_prompt": .bool(able.hasNegativePrompt),
            "transparency": .bool(able.hasTransparency),
            "max_inputs": JSON(able.maxInputs),
            "input_formats": .array(able.maxInputs == 0 ? [] : able.inputFormats.map { JSON($0.rawValue) }),
            "mask": .bool(able.takesMask),
            "prompt_limit": JSON(able.promptLimit),
        ]
    }
}

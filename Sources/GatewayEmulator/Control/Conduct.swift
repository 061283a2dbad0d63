// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a vendor will do with one call: decided once, when the call is accepted.
struct Conduct: Sendable, Equatable {
    /// How long it works.
    var latency: Duration
    /// What goes wrong; each part of the emulator plays the first that it knows.
    var faults: [String]
    /// To how many bytes pictures are filled up.
    var pictureBytes: Int?
    /// Which of the pictures of this prompt it draws, unless the caller gave a seed.
    var variation: UInt64

    /// Decides.
    ///
    /// Chance follows from the seed, the call's model and prompt, and how often that was asked before, so that calls
    /// at the same time do not disturb each other.
    ///
    /// - Parameters:
    ///   - words: What the prompt asks for.
    ///   - ask: Who asks whom for what.
    ///   - turn: The how manieth call with this model and prompt, from 0.
    ///   - settings: What holds for every call.
    /// - Returns: What the vendor will do.
    static func decide(_ words: MagicWords, _ ask: VendorAsk, turn: Int, _ settings: EmulatorSettings) -> Conduct {
        var random = SeededGenerator("\(ask.vendor) \(ask.model) \(ask.prompt)", settings.seed &+ UInt64(turn))
        let latency = words.latency ?? settings.latency
        let span = random.number(latency.lowerBound.inSeconds...latency.upperBound.inSeconds)
        let isUnlucky = random.number(0...1) < settings.faultRate
        let chance = isUnlucky ? settings.faults[random.place(below: settings.faults.count)] : nil

        var faults = words.faults.filter { $0.vendor == nil || $0.vendor == ask.vendor }.map(\.fault)
        if let sequence = words.sequence {
            let mine = sequence.filter { $0.vendor == nil || $0.vendor == ask.vendor }
            if mine.indices.contains(turn) { faults.append(mine[turn].fault) }
        }
        let named = [
            ask.key.flatMap { settings.keyFaults[$0] }, settings.modelFaults[ask.model],
            settings.vendorFaults[ask.vendor],
        ]
        faults += (named + [chance]).compactMap { $0 }
        return Conduct(
            latency: latency.lowerBound == latency.upperBound ? latency.lowerBound : .seconds(span),
            // What another vendor has is no fault of this one's.
            faults: faults.compactMap { FaultCatalog.canonical($0, of: ask.vendor) }.filter { $0 != "none" },
            pictureBytes: words.pictureBytes ?? settings.pictureBytes,
            variation: UInt64(turn % settings.variations)
        )
    }

    /// The first fault that is one of these.
    func fault<Kind: RawRepresentable>(_ kind: Kind.Type) -> Kind? where Kind.RawValue == String {
        for fault in faults {
            if let known = Kind(rawValue: fault) { return known }
        }
        return nil
    }
}

/// Who asks which vendor for what.
struct VendorAsk: Sendable {
    /// The vendor, by the name the ledger shows.
    var vendor: String
    /// The vendor's name of the model.
    var model: String
    /// The prompt with its magic words.
    var prompt: String
    /// The key of the call.
    var key: String?
    /// The checksums of the pictures that came with it, in order.
    var inputs: [String] = []
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

/// What a caller asks for while gateways are killed: each of the ways to a picture, over all four vendors.
struct CrashOrder: Sendable, Hashable {
    let round: Int
    let number: Int
    /// Where its end is told; empty for nowhere.
    var hook = ""
    /// How often it was asked for anew, each time under another name, because nobody knew what had become of it.
    var turn = 0

    /// The ways, each as often as it stands here.
    enum Way: CaseIterable {
        case gemini, geminiAgain, geminiEdit, geminiPair, geminiWaiting, imagenPair
        case aitoearn, aitoearnEdit, hingnet, hingnetEdit
    }

    var way: Way { Way.allCases[number % Way.allCases.count] }

    /// One prompt for each order, so that the vendors' ledger tells how often it was bought.
    var prompt: String { "round \(round) fox \(number)" + (turn > 0 ? " turn \(turn)" : "") }

    /// The name under which half of the callers send it again when they were cut off.
    var name: String? { number / Way.allCases.count % 2 == 0 ? "order-\(round)-\(number)" : nil }

    static func prefix(of round: Int) -> String { "round \(round) fox " }

    var model: String {
        switch way {
        case .gemini, .geminiAgain, .geminiEdit, .geminiPair, .geminiWaiting: "gemini-2.5-flash-image"
        case .imagenPair: "imagen-4.0-generate-001"
        case .aitoearn, .aitoearnEdit: "gpt-image-2"
        case .hingnet, .hingnetEdit: "by-task"
        }
    }

    var count: Int { way == .geminiPair || way == .imagenPair ? 2 : 1 }
    /// Gemini draws one picture for each call.
    var calls: Int { way == .geminiPair ? 2 : 1 }
    /// How many calls may be billed beyond those: a vendor that answers at once may be asked once more for each task.
    var repeats: Int {
        switch way {
        case .aitoearn, .aitoearnEdit, .hingnet, .hingnetEdit: 0
        default: 1
        }
    }

    var isEdit: Bool { way == .geminiEdit || way == .aitoearnEdit || way == .hingnetEdit }
    /// Whether its caller waits for the picture.
    var waits: Bool { way == .geminiWaiting }
    var shade: UInt8 { UInt8(number % 251) }

    var path: String { "/v1/images/\(isEdit ? "edits" : "generations")\(waits ? "" : "/async")" }

    var body: JSON {
        JSON(present: [
            "model": JSON(model), "prompt": JSON(prompt), "n": count > 1 ? JSON(count) : nil,
            "image": isEdit ? JSON(SamplePicture.dataURL(shade: shade)) : nil,
            "webhook_url": hook.isEmpty ? nil : JSON(hook),
        ])
    }

    /// What is sent when nobody knows what became of it: the same under its name, or another order.
    var again: CrashOrder {
        guard name == nil else { return self }
        var order = self
        order.turn += 1
        return order
    }

    /// The gateway in front of the four vendors: what may be bought again is as it is by default.
    static func configuration(_ vendors: String) -> String {
        let common = "poll_interval: 250ms, allow_private_network: true"
        return """
            providers:
              - { name: google, kind: gemini, base_url: "\(vendors)", api_keys: [emulated-google], max_concurrent: 160, \(common) }
              - { name: imagen, kind: imagen, base_url: "\(vendors)", api_keys: [emulated-imagen], max_concurrent: 80, \(common) }
              - { name: aitoearn, kind: aitoearn, base_url: "\(vendors)/aitoearn", api_keys: [emulated-aito], \(common) }
              - { name: hingnet, kind: hingnet, base_url: "\(vendors)/hingnet", api_keys: [emulated-hing], \(common),
                  models: { by-task: gemini-2.5-flash-image } }
            routes:
              - { match: gemini-, providers: [google] }
              - { match: imagen-, providers: [imagen] }
              - { match: gpt-image-, providers: [aitoearn] }
              - { match: by-task, providers: [hingnet] }
            fetch: { allow: [127.0.0.0/8] }
            webhooks: { secret: \(CrashReceiver.secret), retry_schedule: [\(GatewayFixture.schedule(30, "250ms"))] }
            """
    }
}

/// Chance that can be had again: the same seed gives the same numbers.
struct SeededChance: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func moment(within range: ClosedRange<Double>) -> Duration {
        .seconds(Double.random(in: range, using: &self))
    }
}

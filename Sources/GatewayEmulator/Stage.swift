// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// What all emulated vendors share: settings, ledger, pictures, time.
final class Stage: Sendable {
    let ledger = BillingLedger()
    let studio: PictureStudio
    let time: any TimeSource
    let bell = ClosingBell()
    private let logger: Logger
    private let current: Mutex<EmulatorSettings>

    init(settings: EmulatorSettings, time: any TimeSource, studio: PictureStudio, logger: Logger) {
        current = Mutex(settings)
        self.time = time
        self.studio = studio
        self.logger = logger
    }

    /// The settings that hold now.
    var settings: EmulatorSettings {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// Whether a key is good: invented for the emulator, or listed.
    func isGood(key: String) -> Bool {
        key.hasPrefix("emulated-") || current.withLock { $0.keys.contains(key) }
    }

    /// Accepts a call that has passed a vendor's checks.
    ///
    /// - Throws: When the prompt has a magic word that the emulator does not know.
    func accept(_ ask: VendorAsk) throws(EmulatorSettingsError) -> AcceptedCall {
        let words = try MagicWords(ask.prompt)
        let line = ledger.begin(ask)
        let conduct = Conduct.decide(words, ask, turn: line.turn, settings)
        logger.debug(
            "vendor call",
            metadata: ["vendor": "\(ask.vendor)", "model": "\(ask.model)", "faults": "\(conduct.faults)"]
        )
        return AcceptedCall(prompt: words.spoken, conduct: conduct, line: line, ledger: ledger)
    }

    /// Plays a call from its acceptance to its answer: lets its time pass, has the vendor work, and sends what it says.
    ///
    /// - Parameters:
    ///   - call: The call; its line in the ledger ends with the answer, unless it begins a task.
    ///   - context: Where it came from.
    ///   - latency: How long the answer takes, if that is not how long the work takes.
    ///   - outlives: Whether the work goes on behind the answer; then whoever keeps the call ends it.
    ///   - work: Makes the answer; billing is its business.
    /// - Returns: The response for the server, whose body the fault of the connection may have spoilt.
    func play(
        _ call: AcceptedCall,
        _ context: EmulatorContext,
        after latency: Duration? = nil,
        outlives: Bool = false,
        work: (AcceptedCall) async -> EmulatedAnswer
    ) async -> Response {
        guard await bell.sleep(for: latency ?? call.conduct.latency, on: time) else {
            return await Self.hangUp(context)
        }
        let fault = call.conduct.fault(TransportFault.self)
        if fault == .dropEarly { return await Self.hangUp(context) }
        let answer = await work(call)
        if fault == .silent { _ = await bell.sleep(for: settings.hold, on: time) }
        if fault == .silent || fault == .drop { return await Self.hangUp(context) }
        return Delivery(answer: answer, fault: fault, call: outlives ? nil : call, stage: self).response
    }

    /// Closes a connection without an answer.
    private static func hangUp(_ context: EmulatorContext) async -> Response {
        do {
            try await context.channel.close(mode: .all).get()
        } catch {
            // The other side was faster: what was wanted is the case.
        }
        // Nobody receives this; the handler has to return something.
        return Response(status: .internalServerError)
    }
}

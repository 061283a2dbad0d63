// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The ways to pictures that callers and vendors give addresses for.
public struct FetchDoors: Sendable {
    /// To the pictures that callers name.
    let inputs: FetchGuard
    /// To those that vendors made.
    let results: FetchGuard
    /// To those of vendors on the operator's own network.
    let ownResults: FetchGuard
    /// The largest input picture, in bytes.
    let inputLimit: Int

    /// The largest picture of a vendor that is taken; the largest known are some 35 MB.
    static let resultLimit = 64 << 20

    /// Creates doors.
    ///
    /// - Parameters:
    ///   - guarded: A transport that keeps the rule at the moment of connecting.
    ///   - unguarded: One that also leads to the operator's own network.
    ///   - rule: Which addresses may be connected to.
    ///   - inputLimit: The largest input picture, in bytes.
    ///   - inputTimeout: How long one fetch of an input picture may take.
    ///   - time: The clock.
    public init(
        guarded: any HTTPTransport,
        unguarded: any HTTPTransport,
        rule: AddressRule = .publicOnly,
        inputLimit: Int = 50 << 20,
        inputTimeout: Duration = .seconds(30),
        time: any TimeSource = SystemTime()
    ) {
        let limits = FetchLimits(bytes: inputLimit, total: inputTimeout)
        let resultLimits = FetchLimits(bytes: Self.resultLimit, total: .seconds(300), stall: .seconds(30))
        inputs = FetchGuard(transport: guarded, rule: rule, limits: limits, time: time)
        results = FetchGuard(transport: guarded, rule: rule, limits: resultLimits, time: time)
        ownResults = FetchGuard(transport: unguarded, rule: .everything, limits: resultLimits, time: time)
        self.inputLimit = inputLimit
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A caller's place in front of a task: at most one delivery, then the end.
public struct CallerPlace: Sendable, AsyncSequence {
    /// The task waited for.
    public let task: TaskID
    let number: Int
    let deliveries: AsyncStream<Delivery>

    /// Waits.
    public func makeAsyncIterator() -> AsyncStream<Delivery>.Iterator { deliveries.makeAsyncIterator() }
}

/// Whoever waits for the pictures of a task and has been promised them.
public struct WaitingCaller: Sendable {
    let continuations: [AsyncStream<Delivery>.Continuation]

    /// Hands over, the same buffers to everybody; once.
    public func give(_ delivery: Delivery) {
        for continuation in continuations {
            continuation.yield(delivery)
            continuation.finish()
        }
    }

    /// Sends everybody back to the row: there will be no delivery.
    public func dismiss() {
        for continuation in continuations { continuation.finish() }
    }
}

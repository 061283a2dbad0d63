// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOPosix

/// Threads for work that blocks or computes for long, beside those that all tasks share.
enum FileThreads {
    /// Runs a piece of work and waits for it.
    ///
    /// Once begun it runs to its end; a task that is cancelled before never begins it.
    static func run<Result: Sendable>(
        _ work: @escaping @Sendable () throws(ObjectError) -> Result
    ) async throws(ObjectError) -> Result {
        let outcome: Swift.Result<Result, ObjectError>
        do {
            outcome = try await NIOThreadPool.singleton.runIfActive { Swift.Result(catching: work) }
        } catch {
            throw ObjectError(.unavailable, isTemporary: true, "The work was given up before it began.", cause: error)
        }
        return try outcome.get()
    }
}

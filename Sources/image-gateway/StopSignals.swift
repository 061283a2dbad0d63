// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import GatewayCore
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs services until a signal asks the process to stop: the first one ends them gracefully, a second one at once.
struct StopSignals {
    let group: ServiceGroup
    /// What the first signal begins with: readiness goes, and nothing more is taken on.
    let board: TaskBoard
    let logger: Logger

    /// How long the hasty end may take; whatever is not written down then is what a crash would leave.
    private static let haste = DispatchTimeInterval.seconds(3)

    /// Runs to the end.
    ///
    /// - Throws: Whatever the services throw; ``CommandFailure`` with the status of the second signal.
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { try await heed(signals) }
            defer { tasks.cancelAll() }
            _ = try await tasks.next()
        }
    }

    private func heed(_ signals: UnixSignalsSequence) async throws {
        var isStopping = false
        for await signal in signals {
            guard isStopping else {
                isStopping = true
                logger.notice(
                    "The gateway stops; what vendors are answering gets its time. A second signal ends it at once.",
                    metadata: ["signal": "\(signal)"]
                )
                board.stopTaking()
                continue
            }
            let status = signal == .sigint ? ExitStatus.interrupted : ExitStatus.terminated
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.haste) { _exit(status) }
            throw CommandFailure("Ended at once by a second signal.", status: status)
        }
        // Cancelled: the services have ended by themselves.
        try await Task.sleep(for: .seconds(86_400))
    }
}

/// Ends the group of services when the board says that the process stops.
struct StopService: Service {
    let board: TaskBoard
    let listeners: Listeners

    func run() async {
        await board.untilStopping()
        await listeners.closeDoor()
    }
}

/// A service that has ended before its turn, and waits for that: a group takes an early end for an accident.
struct Punctual<Body: Service>: Service {
    let body: Body

    func run() async throws {
        try await body.run()
        try? await gracefulShutdown()
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The portions of a task side by side.
extension TaskRun {
    private enum Step: Sendable {
        case ended
        case waits(JobWait)
        /// The moment to ask has come, while other portions are at work.
        case due(JobWait)
    }

    private typealias Steps = ThrowingTaskGroup<Step, any Error>

    /// Runs portions until each is at its end or waits for a vendor's job.
    ///
    /// - Returns: Those that wait.
    func portions(beginning portions: [PortionRun]) async throws -> [JobWait] {
        try await withThrowingTaskGroup(of: Step.self) { group in
            for portion in portions { add(to: &group) { try await portion.run() } }
            return try await rested(&group, atWork: portions.count, [])
        }
    }

    /// Goes on with portions whose jobs have ended or are to be asked for, until each is at its end or waits again.
    ///
    /// - Returns: Those that wait.
    func portions(from waits: [JobWait]) async throws -> [JobWait] {
        try await withThrowingTaskGroup(of: Step.self) { group in
            var open: [JobWait] = []
            for wait in waits {
                if wait.job.hasDelivered != nil {
                    add(to: &group) { try await wait.portion.resume(wait) }
                } else if wait.isDue {
                    add(to: &group) { try await Self.asked(wait) }
                } else {
                    open.append(wait)
                }
            }
            return try await rested(&group, atWork: waits.count - open.count, open)
        }
    }

    private static func asked(_ wait: JobWait) async throws -> PortionRun.Outcome {
        await wait.ask()
        return try await wait.portion.resume(wait)
    }

    /// Those that wait while others work are asked all the same.
    private func rested(_ group: inout Steps, atWork count: Int, _ waits: [JobWait]) async throws -> [JobWait] {
        var (atWork, waits) = (count, waits)
        for wait in waits where atWork > 0 { addTimer(for: wait, to: &group) }
        while atWork > 0, let step = try await group.next() {
            switch step {
            case .ended: atWork -= 1
            case .waits(let wait):
                atWork -= 1
                waits.append(wait)
                if atWork > 0 { addTimer(for: wait, to: &group) }
            case .due(let wait):
                atWork += 1
                waits.removeAll { $0 === wait }
                add(to: &group) { try await Self.asked(wait) }
            }
        }
        // Only timers are left.
        group.cancelAll()
        return waits
    }

    private func addTimer(for wait: JobWait, to group: inout Steps) {
        group.addTask { [time = parts.time] in
            try? await time.sleep(for: max(.zero, wait.job.due - time.elapsed))
            return .due(wait)
        }
    }

    private func add(to group: inout Steps, _ work: @escaping @Sendable () async throws -> PortionRun.Outcome) {
        group.addTask { [self] in
            do {
                switch try await work() {
                case .made(let made):
                    try await take(made)
                    return .ended
                case .gaveUp: return .ended
                case .waits(let wait): return .waits(wait)
                }
            } catch is LeftForOthers {
                // What is on its way for the others goes on to its end.
                return .ended
            }
        }
    }
}

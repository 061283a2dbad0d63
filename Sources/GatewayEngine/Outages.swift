// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// What is out of order at the moment: told when it begins and when it is over, not at every try in between.
final class Outages: Sendable {
    /// What can be out of order.
    enum Subject: Sendable {
        case storing, heartbeat, claiming, adopting, inspecting, delivering

        var begins: Logger.Message {
            switch self {
            case .storing: "A picture could not be stored; it is tried again until that works."
            case .heartbeat: "The heartbeat could not be written."
            case .claiming: "Tasks could not be claimed."
            case .adopting: "Tasks could not be taken over."
            case .inspecting: "Forgotten and overdue tasks could not be looked for."
            case .delivering: "The outbox of webhooks could not be read or written."
            }
        }

        var ends: Logger.Message {
            switch self {
            case .storing: "Pictures are stored again."
            case .heartbeat: "The heartbeat is written again."
            case .claiming: "Tasks are claimed again."
            case .adopting: "Tasks are taken over again."
            case .inspecting: "Forgotten and overdue tasks are looked for again."
            case .delivering: "The outbox of webhooks is read and written again."
            }
        }
    }

    private let reasons = Mutex<[Subject: String]>([:])

    /// Tells a failure, unless the same one was told and nothing has worked since.
    func failed(_ subject: Subject, _ reason: String, _ logger: Logger) {
        let isNew = reasons.withLock { $0.updateValue(reason, forKey: subject) != reason }
        logger.log(level: isNew ? .error : .debug, subject.begins, metadata: ["error": "\(reason)"])
    }

    /// Tells that something works again, if it did not.
    func worked(_ subject: Subject, _ logger: Logger) {
        guard reasons.withLock({ $0.removeValue(forKey: subject) != nil }) else { return }
        logger.notice(subject.ends)
    }
}

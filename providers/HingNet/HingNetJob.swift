// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A task in the vendor's hands: where it was begun, and the vendor's id of it.
///
/// Both stand in the engine's job id, `edits/image_01KD…`, because a task is asked for where it was begun, perhaps by
/// another process.
struct HingNetJob: Sendable, Equatable {
    /// The two families of paths.
    enum Route: String, Sendable {
        case generations, edits

        /// The path of a call that waits for its pictures.
        var path: String { "/v1/images/\(rawValue)" }
        /// The path of a call that begins a task.
        var taskPath: String { "\(path)/async" }
    }

    let route: Route
    let id: String

    /// Takes an id out of an answer; `nil` for one that is not fit to stand in a path.
    init?(_ id: String, on route: Route) {
        let isSafe = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isSafe, (1...100).contains(id.utf8.count) else { return nil }
        self.route = route
        self.id = id
    }

    /// Reads what ``stored(pollAfter:)`` wrote, and trusts it no more than an answer.
    init?(_ job: ProviderJob) {
        let parts = job.id.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let route = Route(rawValue: String(parts[0])) else { return nil }
        self.init(String(parts[1]), on: route)
    }

    /// The job as the engine keeps it.
    func stored(pollAfter: Duration) -> ProviderJob {
        ProviderJob(id: "\(route.rawValue)/\(id)", pollAfter: pollAfter)
    }

    /// Where to ask for it.
    var path: String { "\(route.path)/\(id)" }
}

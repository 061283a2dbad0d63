// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird

/// Reads the query of a request, and refuses what it cannot mean.
struct Query {
    private let parameters: Parameters

    private typealias Parameters = [String: String]

    init(_ request: Request) {
        var found: Parameters = [:]
        for (name, value) in request.uri.queryParameters { found[String(name)] = String(value) }
        parameters = found
    }

    /// The value of a parameter; an empty one counts as absent.
    subscript(name: String) -> String? {
        parameters[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// How long to wait for a change: nothing unless asked, at most a minute.
    func wait() throws(InvalidRequest) -> Duration {
        guard let text = self["wait"] else { return .zero }
        guard let seconds = Double(text), seconds.isFinite, seconds >= 0 else {
            throw InvalidRequest(
                .invalidValue,
                "wait",
                "The parameter 'wait' must be a number of seconds from 0 to 60."
            )
        }
        return .milliseconds(Int(min(seconds, 60) * 1000))
    }

    /// Which picture of a task.
    func index() throws(InvalidRequest) -> Int {
        guard let text = self["index"] else { return 0 }
        guard let index = Int(text), index >= 0 else {
            throw InvalidRequest(.invalidValue, "index", "The parameter 'index' must be a whole number from 0 on.")
        }
        return index
    }

    /// Which of the caller's tasks, in what order.
    func tasks(of caller: Caller) throws(InvalidRequest) -> TaskQuery {
        var query = TaskQuery(owner: caller.name)
        if let text = self["limit"] {
            guard let limit = Int(text), (1...100).contains(limit) else {
                throw InvalidRequest(
                    .invalidValue,
                    "limit",
                    "The parameter 'limit' must be a whole number from 1 to 100."
                )
            }
            query.limit = limit
        }
        if let text = self["order"] {
            guard ["asc", "desc"].contains(text) else {
                throw InvalidRequest(.invalidValue, "order", "The parameter 'order' must be asc or desc.")
            }
            query.ascending = text == "asc"
        }
        if let text = self["status"] {
            guard let status = ImageTask.Status(rawValue: text) else {
                let known = ImageTask.Status.allCases.map(\.rawValue).joined(separator: ", ")
                throw InvalidRequest(.invalidValue, "status", "The parameter 'status' must be one of: \(known).")
            }
            query.status = status
        }
        if let text = self["after"] {
            guard let id = TaskID(text) else {
                throw InvalidRequest(
                    .invalidValue,
                    "after",
                    "The parameter 'after' must be the id of one of your tasks."
                )
            }
            query.after = id
        }
        query.model = self["model"]
        return query
    }
}

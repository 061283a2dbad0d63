// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore

/// One walk around those who are to hear something: endpoints and callers in a circle, and the hosts of each caller in a
/// circle of their own.
///
/// Only lanes with something due are visited. Those without room are few, because each has something on its way or is
/// paused, and a caller without room is passed over at once; so the walk needs no other end than the whole round.
struct WebhookRound {
    /// What was chosen, in the order of the turns.
    private(set) var chosen: [String] = []
    private var claim: WebhookClaim
    private var served: Set<String> = []
    private let next: Statement
    private let due: Statement

    private struct Lane {
        var name: String
        var owner: String
        var endpoint: String?
    }

    init(_ claim: WebhookClaim, in db: Database) throws {
        self.claim = claim
        next = try db.cachedStatement(sql: WebhookQueries.nextLane)
        due = try db.cachedStatement(sql: WebhookQueries.dueInLane)
    }

    /// Goes around once.
    mutating func walk() throws {
        for (first, last) in Self.halves(from: claim.turns.last, in: ("", WebhookLane.end)) {
            var place = first
            while claim.limit > 0, let lane = try lane(behind: place, through: last) {
                if lane.endpoint != nil {
                    try take(lane)
                    place = lane.name
                } else {
                    try visit(lane.owner)
                    place = claim.requestLimit > 0 ? WebhookLane.end(ofOwner: lane.owner) : WebhookLane.end
                }
            }
        }
    }

    /// Goes around a caller's hosts once.
    private mutating func visit(_ owner: String) throws {
        guard served.insert(owner).inserted else { return }
        let range = (WebhookLane.prefix(ofOwner: owner), WebhookLane.end(ofOwner: owner))
        for (first, last) in Self.halves(from: claim.turns.last(ofOwner: owner), in: range) {
            var place = first
            while claim.hasRoom(for: owner), let lane = try lane(behind: place, through: last) {
                try take(lane)
                place = lane.name
            }
        }
    }

    /// A circle that begins behind a lane and ends with it.
    private static func halves(from start: String, in range: (String, String)) -> [(String, String)] {
        start.isEmpty ? [range] : [(start, range.1), (range.0, start)]
    }

    private mutating func take(_ lane: Lane) throws {
        let room = claim.room(in: lane.name, owner: lane.owner, endpoint: lane.endpoint)
        let found = try String.fetchAll(
            due,
            arguments: ["lane": lane.name, "now": claim.now.milliseconds, "limit": room]
        )
        for _ in found { claim.take(lane: lane.name, owner: lane.owner, endpoint: lane.endpoint) }
        chosen += found
    }

    private func lane(behind place: String, through last: String) throws -> Lane? {
        let found = try Row.fetchOne(
            next,
            arguments: ["after": place, "through": last, "now": claim.now.milliseconds]
        )
        return found.map { Lane(name: $0[0], owner: $0[1], endpoint: $0[2]) }
    }
}

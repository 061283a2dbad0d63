// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a portion knows of its candidates while it chooses and waits.
struct WaitingHall: Sendable {
    private let portion: PortionRun
    private let models: [(member: ProviderPool.Member, model: String)]
    /// The keys that failed this portion, which it does not use again.
    private var avoidedKeys: [Int: Set<String>] = [:]
    private var waited = Duration.zero

    /// How long a caller is kept waiting for providers to come back: then it learns that it may try again later.
    private static let callersPatience = Duration.seconds(5)

    init(portion: PortionRun, models: [(ProviderPool.Member, String)]) {
        self.portion = portion
        self.models = models
    }

    func avoided(_ place: Int) -> Set<String> { avoidedKeys[place] ?? [] }

    mutating func avoid(_ key: String?, at place: Int) {
        if let key { avoidedKeys[place, default: []].insert(key) }
    }

    /// How everything stands now.
    var situation: Failover.Situation {
        let now = portion.parts.time.now
        let timeLeft = portion.timeLeft
        let isAwaited = portion.parts.board.isAwaited(portion.live.task.id)
        return Failover.Situation(
            standings: models.enumerated().map { place, entry in
                entry.member.standing(of: entry.model, avoiding: avoided(place), at: now)
            },
            timeLeft: timeLeft,
            patience: isAwaited ? min(timeLeft, Self.callersPatience - waited) : timeLeft
        )
    }

    /// Waits for a provider to come back.
    ///
    /// Those who wait for the same moment come a little apart, and give way to tasks that others can serve.
    mutating func wait(_ pause: Duration) async throws {
        try portion.dropIfAbandoned()
        let id = portion.live.task.id
        portion.parts.load?.block(id)
        defer { portion.parts.load?.unblock(id) }
        try await self.pause(pause + .milliseconds(Int64.random(in: 0...1000)))
        try portion.dropIfAbandoned()
    }

    mutating func pause(_ pause: Duration) async throws {
        waited += pause
        try await portion.parts.time.sleep(for: pause)
    }
}

extension PortionRun {
    /// How much time the task has.
    var timeLeft: Duration {
        parts.time.now.duration(to: live.task.createdAt.advanced(by: parts.taskTimeout))
    }

    /// Ends the task of a caller who is gone, while that is free.
    func dropIfAbandoned() throws {
        if live.task.nothingWasSent, parts.board.hasHungUp(live.task.id) { throw TaskFailure.callerGone }
    }
}

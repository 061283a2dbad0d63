// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The names under which requests were taken, in a transaction of the caller's.
enum ClaimRow {
    /// Finds a claim that is not over.
    static func find(_ key: String, of owner: String, now: Timestamp, in db: Database) throws -> IdempotencyClaim? {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: SQLiteQueries.claimOfKey),
            arguments: ["owner": owner, "key": key, "now": now.milliseconds]
        )
        guard let row else { return nil }
        let request: Data = row[1]
        let (name, expires): (String, Int64) = (row[0], row[2])
        guard let task = TaskID(name) else { return nil }
        return IdempotencyClaim(
            owner: owner,
            key: key,
            request: [UInt8](request),
            task: task,
            expires: Timestamp(milliseconds: expires)
        )
    }

    /// Writes a claim in the place of one that is over, if there is one.
    static func insert(_ claim: IdempotencyClaim, in db: Database) throws {
        try db.cachedStatement(sql: SQLiteQueries.insertClaim).execute(arguments: [
            "owner": claim.owner, "key": claim.key, "task": claim.task.description, "request": Data(claim.request),
            "expires_at": claim.expires.milliseconds,
        ])
    }

    /// Why a task may not be written now; `nil` if it may.
    static func obstacle(to task: ImageTask, on terms: TaskTerms, in db: Database) throws -> TaskEntry? {
        if let claim = terms.claim,
            let earlier = try find(claim.key, of: claim.owner, now: task.createdAt, in: db)
        {
            return .claimed(earlier)
        }
        if let limit = terms.queueLimit, task.node == nil {
            let waiting = try KeptStatement(SQLiteQueries.waiting, in: db).number(in: db) ?? 0
            guard waiting < limit else { return .queueFull }
        }
        if let limit = terms.unfinishedLimit {
            guard try unfinished(of: task.owner, atMost: limit, in: db) < limit else { return .tooManyUnfinished }
        }
        return nil
    }

    /// How many unfinished tasks an owner has; counts no further than `limit`.
    static func unfinished(of owner: String, atMost limit: Int, in db: Database) throws -> Int {
        try Int.fetchOne(
            db.cachedStatement(sql: SQLiteQueries.unfinishedOfOwner),
            arguments: ["owner": owner, "limit": limit]
        ) ?? 0
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import NIOCore
import Synchronization

/// Whether pictures can be stored: asked by load balancers all the time, and asking the storage rarely.
///
/// What was found holds for half a minute if it was good, for five seconds if not. Whoever asks while the storage is being
/// asked waits for the same answer. Into a folder a tiny object is written and taken away each time, since a full disk still
/// reads. A bucket is asked for one that stays, always the same: written and deleted anew, it would be kept for ever by a
/// bucket with versions, and charged for a month by the cheaper storage classes.
public final class StorageReadiness: Sendable {
    private struct State {
        var found: (verdict: ObjectError?, at: Timestamp)?
        var isAsking = false
        var waiting: [CheckedContinuation<ObjectError?, Never>] = []
    }

    private static let goodFor = Duration.seconds(30)
    private static let badFor = Duration.seconds(5)
    private static let patience = Duration.seconds(5)

    private let objects: any ObjectStore
    private let isLocal: Bool
    private let time: any TimeSource
    private let state = Mutex(State())

    init(_ objects: any ObjectStore, isLocal: Bool, time: any TimeSource) {
        self.objects = objects
        self.isLocal = isLocal
        self.time = time
    }

    /// Says what is wrong, if anything is.
    ///
    /// - Throws: ``ObjectError`` with a sentence for the operator.
    public func check() async throws(ObjectError) {
        if let error = await verdict() { throw error }
    }

    private enum Way {
        case known(ObjectError?)
        case others, ask
    }

    private func verdict() async -> ObjectError? {
        let now = time.now
        let way = state.withLock { state -> Way in
            if let found = state.found, Self.isFresh(found.verdict, found.at, now) { return .known(found.verdict) }
            if state.isAsking { return .others }
            state.isAsking = true
            return .ask
        }
        switch way {
        case .known(let verdict): return verdict
        case .others: return await othersVerdict()
        case .ask: break
        }
        let verdict = await verdictInTime()
        let waiting = state.withLock { state in
            state.found = (verdict, time.now)
            state.isAsking = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume(returning: verdict) }
        return verdict
    }

    private static func isFresh(_ verdict: ObjectError?, _ found: Timestamp, _ now: Timestamp) -> Bool {
        let age = found.duration(to: now)
        // A clock that was set back must not keep an old answer alive.
        return age >= .zero && age < (verdict == nil ? goodFor : badFor)
    }

    /// What somebody else is finding out.
    private func othersVerdict() async -> ObjectError? {
        await withCheckedContinuation { continuation in
            let known = state.withLock { state -> (verdict: ObjectError?, at: Timestamp)? in
                if !state.isAsking { return state.found }
                state.waiting.append(continuation)
                return nil
            }
            if let known { continuation.resume(returning: known.verdict) }
        }
    }

    /// The storage's answer, or that it takes too long: a load balancer does not wait for its retries.
    private func verdictInTime() async -> ObjectError? {
        await withTaskGroup(of: (ObjectError?).self) { group in
            group.addTask { [self] in await ask() }
            group.addTask { [time] in
                do {
                    try await time.sleep(for: Self.patience)
                } catch {
                    // Canceled by whoever asked, or because the answer is there.
                }
                return ObjectError(.unavailable, isTemporary: true, "The storage does not answer within 5 seconds.")
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private func ask() async -> ObjectError? {
        guard let key = ObjectKey("check/ready.txt") else { return nil }
        do throws(ObjectError) {
            guard isLocal else { return try await askBucket(for: key) }
            try await objects.put(Self.probe, at: key)
            try await objects.delete(key)
            return nil
        } catch {
            // Without storage there is nothing that could be unready.
            return error.code == .none ? nil : error
        }
    }

    private func askBucket(for key: ObjectKey) async throws(ObjectError) -> ObjectError? {
        do throws(ObjectError) {
            _ = try await objects.get(key, atMost: 64)
        } catch {
            // Who may not list is told that what is missing is forbidden.
            guard error.code == .notFound || error.code == .denied else { throw error }
            try await objects.put(Self.probe, at: key)
        }
        return nil
    }

    private static let probe = ObjectBody(
        contentType: "text/plain",
        buffers: [ByteBuffer(string: "image-gateway was here\n")]
    )
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// A provider as the operator set it up, ready to be asked.
public struct EngineProvider: Sendable {
    /// The operator's name.
    public var name: String
    /// The adapter.
    public var adapter: any ImageTaskProvider
    /// Its keys, used in turn.
    public var keys: [Secret]
    /// How many calls may be in the vendor's hands; 0 for no bound.
    public var maxConcurrent: Int
    /// The distance between two polls of one job.
    public var pollInterval: Duration
    /// Whether a lost answer may be bought again.
    public var resubmitUnknown: ResubmitUnknown
    /// What to do when the vendor says that work it had accepted failed.
    public var failedTask: FailedTask
    /// Whether it stands on the operator's own network: its results are fetched from there without the guard.
    public var allowsPrivateNetwork = false

    /// Creates a provider.
    public init(
        name: String,
        adapter: any ImageTaskProvider,
        keys: [Secret],
        maxConcurrent: Int,
        pollInterval: Duration,
        resubmitUnknown: ResubmitUnknown,
        failedTask: FailedTask = .failOver
    ) {
        self.name = name
        self.adapter = adapter
        self.keys = keys
        self.maxConcurrent = maxConcurrent
        self.pollInterval = pollInterval
        self.resubmitUnknown = resubmitUnknown
        self.failedTask = failedTask
    }
}

/// What to do when a vendor says that work it had accepted failed: it may be billed all the same.
public enum FailedTask: String, Sendable, Codable, CaseIterable {
    /// Ask the next provider, at most once per task.
    case failOver = "fail_over"
    /// Tell the caller.
    case report
}

/// The providers by name, each with the slots that bound what is in its hands and the turn of its keys.
struct ProviderPool: Sendable {
    final class Member: Sendable {
        let provider: EngineProvider
        let slots: Slots
        private let turn = Mutex(0)

        init(_ provider: EngineProvider) {
            self.provider = provider
            slots = Slots(limit: provider.maxConcurrent)
        }

        /// The next key in turn; a provider without keys is asked with an empty one, for servers of one's own.
        func nextKey() -> Secret {
            guard !provider.keys.isEmpty else { return Secret("") }
            return turn.withLock { turn in
                turn = (turn + 1) % provider.keys.count
                return provider.keys[turn]
            }
        }
    }

    private let members: [String: Member]

    init(_ providers: [EngineProvider]) {
        members = Dictionary(providers.map { ($0.name, Member($0)) }) { first, _ in first }
    }

    subscript(name: String) -> Member? { members[name] }

    /// How many tasks for these candidates may be taken on at once: what fits into the vendors' hands and as much again
    /// that waits at the door; `nil` where nothing bounds it.
    func appetite(for candidates: [ProviderRouter.Candidate]) -> Int? {
        let bounds = candidates.compactMap { members[$0.provider]?.provider.maxConcurrent }
        return bounds.isEmpty || bounds.contains(0) ? nil : bounds.reduce(0, +) * 2
    }
}

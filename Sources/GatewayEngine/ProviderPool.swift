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
    public var keys: [ProviderKey]
    /// How many calls may be in the vendor's hands; 0 for no bound.
    public var maxConcurrent: Int
    /// How many submissions may be made a minute, of all its models together; 0 for no bound.
    public var requestsPerMinute: Int
    /// The distance between two polls of one job.
    public var pollInterval: Duration
    /// Whether a lost answer may be bought again.
    public var resubmitUnknown: ResubmitUnknown
    /// What to do when the vendor says that work it had accepted failed.
    public var failedTask: FailedTask
    /// Whether its addresses may be on the operator's own network.
    public var allowsPrivateNetwork: Bool

    /// Creates a provider.
    public init(
        name: String,
        adapter: any ImageTaskProvider,
        keys: [ProviderKey],
        maxConcurrent: Int,
        requestsPerMinute: Int = 0,
        pollInterval: Duration,
        resubmitUnknown: ResubmitUnknown,
        failedTask: FailedTask = .failOver,
        allowsPrivateNetwork: Bool = false
    ) {
        self.name = name
        self.adapter = adapter
        self.keys = keys
        self.maxConcurrent = maxConcurrent
        self.requestsPerMinute = requestsPerMinute
        self.pollInterval = pollInterval
        self.resubmitUnknown = resubmitUnknown
        self.failedTask = failedTask
        self.allowsPrivateNetwork = allowsPrivateNetwork
    }
}

/// The providers by name, each with what is known of it at this moment.
struct ProviderPool: Sendable {
    private let members: [String: Member]
    private let names: [String]
    private let seized = SeizedSlots()

    init(_ providers: [EngineProvider]) {
        members = Dictionary(providers.map { ($0.name, Member($0)) }) { first, _ in first }
        names = providers.map(\.name)
    }

    subscript(name: String) -> Member? { members[name] }

    /// How many tasks for these candidates may be taken on at once: what fits into the vendors' hands and as much again
    /// that waits at the door; `nil` where nothing bounds it.
    func appetite(for candidates: [ProviderRouter.Candidate]) -> Int? {
        let bounds = candidates.compactMap { members[$0.provider]?.provider.maxConcurrent }
        return bounds.isEmpty || bounds.contains(0) ? nil : bounds.reduce(0, +) * 2
    }

    /// Takes the slots of what a task has in vendors' hands already, before anything new can take them.
    func seizeSlots(for task: ImageTask) {
        for portion in task.portions {
            guard case .waiting(let attempt, _) = portion.stage else { continue }
            let provider = task.attempts[attempt].provider
            guard let member = members[provider] else { continue }
            member.slots.seize()
            seized.put(provider, of: task.id)
        }
    }

    /// Whether a slot was seized for a task at a provider; it is the caller's from now on.
    func redeem(of task: TaskID, at provider: String) -> Bool { seized.take(provider, of: task) }

    /// Gives back the slots that were seized for a task and not used.
    func forfeitSlots(of task: TaskID) {
        for provider in seized.takeAll(of: task) { members[provider]?.slots.give() }
    }

    /// How the providers are.
    func status(router: ProviderRouter, at now: Timestamp) -> ProvidersStatus {
        ProvidersStatus(
            providers: names.compactMap { name in
                members[name]?.status(models: router.vendorModels(of: name), at: now)
            }
        )
    }
}

/// The slots that were taken for work in vendors' hands whose runs have not come to them yet.
private final class SeizedSlots: Sendable {
    private let providers = Mutex<[TaskID: [String]]>([:])

    func put(_ provider: String, of task: TaskID) {
        providers.withLock { $0[task, default: []].append(provider) }
    }

    func take(_ provider: String, of task: TaskID) -> Bool {
        providers.withLock { providers in
            guard let place = providers[task]?.firstIndex(of: provider) else { return false }
            providers[task]?.remove(at: place)
            if providers[task]?.isEmpty == true { providers[task] = nil }
            return true
        }
    }

    func takeAll(of task: TaskID) -> [String] {
        providers.withLock { $0.removeValue(forKey: task) ?? [] }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Logging
import Synchronization

/// What vendors publish about their models, as they said it last; takes the place of the tables that were built in.
public final class CapabilityBook: Sendable {
    private let answers = Mutex<[String: [String: ModelCapabilities]]>([:])

    /// How many models of one provider are kept; more is no list of models.
    static let mostModels = 1000

    /// Creates an empty book.
    public init() {}

    /// What a provider said of a model, if it did.
    public func capabilities(of vendorModel: String, by provider: String) -> ModelCapabilities? {
        answers.withLock { $0[provider]?[vendorModel] }
    }

    /// Keeps an answer; an empty or absurd one changes nothing.
    func keep(_ models: [String: ModelCapabilities], by provider: String) {
        guard !models.isEmpty, models.count <= Self.mostModels else { return }
        answers.withLock { $0[provider] = models }
    }
}

/// Asks the vendors what their models can do, at the start and every hour; nothing waits for it.
public struct CapabilityRefresh: Sendable {
    private let providers: [EngineProvider]
    private let book: CapabilityBook
    private let time: any TimeSource
    private let logger: Logger

    private static let distance = Duration.seconds(3600)
    private static let distanceAfterFailure = Duration.seconds(300)

    /// Creates a refresh; nothing is asked before ``run()``.
    public init(providers: [EngineProvider], book: CapabilityBook, time: any TimeSource, logger: Logger) {
        self.providers = providers
        self.book = book
        self.time = time
        self.logger = logger
    }

    /// Asks again and again until it is cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            for provider in providers { group.addTask { await follow(provider) } }
        }
    }

    private func follow(_ provider: EngineProvider) async {
        while !Task.isCancelled {
            let isAnswered = await refresh(provider)
            let distance = isAnswered ? Self.distance : Self.distanceAfterFailure
            guard (try? await time.sleep(for: distance * Double.random(in: 0.9...1.1))) != nil else { return }
        }
    }

    /// Asks one provider, with each key until one is answered.
    ///
    /// - Returns: Whether there was an answer.
    func refresh(_ provider: EngineProvider) async -> Bool {
        for key in KeyRoster(provider.keys).keys {
            do throws(ProviderError) {
                book.keep(try await provider.adapter.capabilities(key: key.secret), by: provider.name)
                return true
            } catch {
                logger.debug(
                    "A provider did not say what its models can do.",
                    metadata: ["provider": "\(provider.name)", "key": "\(key.id)", "code": "\(error.code)"]
                )
            }
        }
        return false
    }
}

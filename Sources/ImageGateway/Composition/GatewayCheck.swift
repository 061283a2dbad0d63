// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCurl
import GatewayEngine
public import Logging

/// Tries what a configuration names, and leaves nothing behind: no folder, no database, no object.
///
/// It does not open the task store, so that it works beside a gateway that runs.
public struct GatewayCheck: Sendable {
    /// One thing that was tried, and how it went.
    public struct Result: Sendable {
        /// What was tried.
        public var name: String
        /// What is wrong, in one sentence; `nil` if it works.
        public var mistake: String?
        /// What there is to know when it works.
        public var detail: String
        /// Whether the configuration is wrong by itself, whatever the other side says.
        public var isMisconfigured = false

        /// Creates a result.
        public init(name: String, mistake: String?, detail: String, isMisconfigured: Bool = false) {
            self.name = name
            self.mistake = mistake
            self.detail = detail
            self.isMisconfigured = isMisconfigured
        }
    }

    /// How long a provider may take to tell its models.
    private static let patience = Duration.seconds(15)

    let configuration: GatewayConfiguration
    let transport: any HTTPTransport
    let time: any TimeSource
    let logger: Logger
    private let providers: [EngineProvider]
    private let curl: CurlTransport?

    /// Prepares the checks; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - configuration: What to try.
    ///   - time: The clock.
    ///   - logger: Where to tell what happens besides.
    /// - Throws: ``ConfigurationError`` for a provider of a kind that there is not, ``TransportError``.
    public init(_ configuration: GatewayConfiguration, time: any TimeSource = SystemTime(), logger: Logger) throws {
        let curl = try CurlTransport()
        try self.init(configuration, transport: curl, curl: curl, time: time, logger: logger)
    }

    /// Prepares the checks on another way to the network.
    init(
        _ configuration: GatewayConfiguration,
        transport: any HTTPTransport,
        curl: CurlTransport? = nil,
        time: any TimeSource,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.transport = transport
        self.curl = curl
        self.time = time
        self.logger = logger
        providers = try Gateway.providers(configuration, transport: transport)
    }

    /// Ends the connections.
    public func close() async {
        await curl?.close()
    }

    /// Asks each provider for its models with each of its keys, all at once.
    ///
    /// - Returns: One result for each key, in the order of the configuration.
    public func checkProviders() async -> [Result] {
        let questions = providers.flatMap { provider in
            provider.keys.map { key in
                let name = provider.keys.count > 1 ? "\(provider.name) (key \(key.id))" : provider.name
                return (provider: provider, key: key.secret, name: "provider \(name)")
            }
        }
        return await withTaskGroup(of: (Int, Result).self) { group in
            for (place, question) in questions.enumerated() {
                group.addTask { (place, await ask(question.provider, question.key, name: question.name)) }
            }
            var results = await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            return questions.indices.compactMap { results.removeValue(forKey: $0) }
        }
    }

    private func ask(_ provider: EngineProvider, _ key: Secret, name: String) async -> Result {
        await withTaskGroup(of: Result.self) { group in
            group.addTask {
                do throws(ProviderError) {
                    let models = try await provider.adapter.models(key: key)
                    let detail = models.count == 1 ? "1 model" : "\(models.count) models"
                    return Result(name: name, mistake: nil, detail: detail)
                } catch {
                    return Result(name: name, mistake: error.message, detail: "")
                }
            }
            group.addTask {
                do {
                    try await time.sleep(for: Self.patience)
                } catch {
                    // Canceled because the answer is there.
                }
                return Result(name: name, mistake: "It does not answer within 15 seconds.", detail: "")
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? Result(name: name, mistake: "It was not asked.", detail: "")
        }
    }
}

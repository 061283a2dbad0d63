// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import GatewayCurl
import GatewayEmulator
import GatewayServer
import ImageGateway
import Logging
import ServiceLifecycle

/// Serves the gateway.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the gateway.",
        discussion: """
            Without a configuration file it serves every vendor whose key is in the environment \
            (\(OperatorError.keyVariables)), keeps tasks and pictures under ./data and listens on 127.0.0.1:8080.
            """
    )

    @OptionGroup var file: ConfigurationOption

    @Flag(help: "Serve all vendors, emulated, instead of the configured ones: no keys, no costs.")
    var demo = false

    func run() async throws {
        let configuration = try file.load(needsProviders: !demo)
        let logger = LogSetup.logger(configuration.log)
        PictureMemory.keep()
        if demo { try await demonstrate(configuration, logger) } else { try await serve(configuration, logger) }
    }

    private func demonstrate(_ configuration: GatewayConfiguration, _ logger: Logger) async throws {
        let emulator = try Emulator(settings: .demo, logger: logger)
        // A group of its own: the vendors outlive the gateway, so that it can finish what it has begun.
        let vendors = ServiceGroup(services: [emulator.application()], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await vendors.run() }
            let result = await Result {
                let base = "http://127.0.0.1:\(try await emulator.port())"
                logger.notice("The vendors are emulated.", metadata: ["ledger": "\(base)/_emulator/ledger"])
                try await serve(configuration.emulated(at: base), logger)
            }
            await vendors.triggerGracefulShutdown()
            try await group.waitForAll()
            try result.get()
        }
    }

    private func serve(_ configuration: GatewayConfiguration, _ logger: Logger) async throws {
        guard !configuration.providers.isEmpty else {
            throw CommandFailure(OperatorError.noProviders, status: ExitStatus.usage)
        }
        let gateway = try await OperatorError.explained { try await Gateway(configuration, logger: logger) }
        let result = await Result {
            let openFiles = OpenFiles.raised()
            openFiles.tell(logger, workers: configuration.engine.workers)
            let listeners = try await OperatorError.explained { try Listeners(gateway, openFiles, logger: logger) }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: Self.services(gateway, listeners),
                    logger: logger
                ).endingWithin(configuration.engine.drainTimeout + .seconds(10))
            )
            try await OperatorError.explained {
                try await StopSignals(group: group, board: gateway.board, logger: logger).run()
            }
        }
        await gateway.close()
        try result.get()
    }
}

extension ServeCommand {
    /// What runs, in the order of the start; the end is in the opposite order.
    ///
    /// The engine drains from the first moment of the end on, while the listeners wait for their callers' answers.
    private static func services(
        _ gateway: Gateway,
        _ listeners: Listeners
    ) -> [ServiceGroupConfiguration.ServiceConfiguration] {
        let stop = ServiceGroupConfiguration.ServiceConfiguration(
            service: StopService(board: gateway.board, listeners: listeners),
            successTerminationBehavior: .gracefullyShutdownGroup
        )
        let served: [any Service] = [Punctual(body: gateway)] + listeners.services
        return served.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) } + [stop]
    }
}

extension GatewayConfiguration {
    /// The same with every vendor that the emulator plays in place of the configured ones.
    fileprivate func emulated(at base: String) -> GatewayConfiguration {
        let played = vendors.filter { Emulator.basePath(of: $0.descriptor.kind) != nil }
        let keys = Set(played.map { $0.descriptor.keyVariable }).map { ($0, "emulated-demo") }
        var demo = GatewayConfiguration(environment: Dictionary(uniqueKeysWithValues: keys), vendors: played)
        for place in demo.providers.indices {
            demo.providers[place].baseURL = base + (Emulator.basePath(of: demo.providers[place].kind) ?? "")
            demo.providers[place].pollInterval = .milliseconds(500)
            // The pictures of vendors that give addresses are on this machine, too.
            demo.providers[place].allowsPrivateNetwork = true
        }
        var configuration = self
        (configuration.providers, configuration.routes) = (demo.providers, demo.routes)
        return configuration
    }
}

extension ServiceGroupConfiguration {
    /// The same with a limit for the graceful end; then everything still running is canceled, which hands it back.
    fileprivate func endingWithin(_ limit: Duration) -> ServiceGroupConfiguration {
        var configuration = self
        configuration.maximumGracefulShutdownDuration = limit
        configuration.maximumCancellationDuration = .seconds(10)
        return configuration
    }
}

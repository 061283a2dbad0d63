// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import GatewayEmulator
import GatewayServer
import ImageGateway
import Logging
import ServiceLifecycle
import UnixSignals

/// Serves the gateway.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the gateway.",
        discussion: """
            Without a configuration file it serves every vendor whose key is in the environment (GEMINI_API_KEY …), keeps \
            tasks and pictures under ./data and listens on 127.0.0.1:8080.
            """
    )

    @OptionGroup var file: ConfigurationOption

    @Flag(help: "Serve emulated vendors instead of the configured ones: no keys, no costs.")
    var demo = false

    func run() async throws {
        var configuration = try file.load()
        let logger = LogSetup.logger(configuration.log)
        guard demo else { return try await serve(configuration, logger) }
        let emulator = try Emulator(settings: .demo, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The vendors outlive the gateway, so that it can finish what it has begun.
            group.addTask { try await emulator.application().run() }
            configuration.serveEmulated(at: "http://127.0.0.1:\(try await emulator.port())")
            try await serve(configuration, logger)
            group.cancelAll()
        }
    }

    private func serve(_ configuration: GatewayConfiguration, _ logger: Logger) async throws {
        guard !configuration.providers.isEmpty else {
            throw CommandFailure(OperatorError.noProviders, status: ExitStatus.usage)
        }
        let gateway = try await OperatorError.explained { try await Gateway(configuration, logger: logger) }
        let result = await Result {
            let listeners = try await OperatorError.explained { try Listeners(gateway, logger: logger) }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: [gateway] + listeners.services,
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                ).endingWithin(configuration.engine.drainTimeout + .seconds(5))
            )
            try await OperatorError.explained { try await group.run() }
        }
        await gateway.close()
        try result.get()
    }
}

extension GatewayConfiguration {
    /// Puts the emulated vendors in place of the configured ones.
    fileprivate mutating func serveEmulated(at base: String) {
        var demo = GatewayConfiguration(environment: ["GEMINI_API_KEY": "emulated-demo"])
        for place in demo.providers.indices { demo.providers[place].baseURL = base }
        (providers, routes) = (demo.providers, demo.routes)
        log.format = .text
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

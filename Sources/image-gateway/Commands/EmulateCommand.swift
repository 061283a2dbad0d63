// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import GatewayEmulator
import ImageGateway
import Logging
import ServiceLifecycle
import UnixSignals

/// Serves the vendors, emulated.
struct EmulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulate",
        abstract: "Serve the vendors, emulated: no keys, no costs.",
        discussion:
            "Keys that begin with emulated- are good. More knobs: PUT /_emulator/settings; bills: GET /_emulator/ledger."
    )

    @Option(help: "Where to listen; on loopback only, because whoever reaches it can change its settings.")
    var listen = "127.0.0.1:9090"

    @Option(help: "How long a picture takes, such as 800ms or 2s.")
    var latency: String?

    @Option(help: "The share of calls that fail, 0 to 1.")
    var faultRate: Double?

    @Option(help: "Fill every picture's file up to this many bytes.")
    var pictureBytes: Int?

    @Option(help: "What has become of Imagen: retired or legacy.")
    var imagen: String?

    func run() async throws {
        guard let address = Address(listen), address.isLoopback else {
            throw CommandFailure("--listen must be a loopback HOST:PORT, not '\(listen)'.", status: ExitStatus.usage)
        }
        // Without a file, as the gateway's: text.
        let logger = LogSetup.logger(GatewayConfiguration(environment: [:]).log)
        let emulator: Emulator
        do {
            emulator = try Emulator(settings: try settings(), logger: logger)
        } catch {
            throw CommandFailure(error.message, status: ExitStatus.usage)
        }
        OpenFiles.raised()
        let group = ServiceGroup(
            services: [emulator.application(host: address.host, port: address.port)],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        try await OperatorError.explained {
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                tasks.addTask { Self.greet(Address(host: address.host, port: try await emulator.port())) }
                for try await _ in tasks {}
            }
        }
    }

    private static func greet(_ address: Address) {
        Terminal.note("The emulated vendors listen on http://\(address); keys begin with 'emulated-'. base_url of")
        for vendor in GatewayConfiguration.knownVendors {
            guard let path = Emulator.basePath(of: vendor.descriptor.kind) else { continue }
            let kind = vendor.descriptor.kind.padding(toLength: 10, withPad: " ", startingAt: 0)
            Terminal.note("  \(kind) http://\(address)\(path)")
        }
    }

    private func settings() throws(EmulatorSettingsError) -> EmulatorSettings {
        var settings = EmulatorSettings()
        if let latency {
            guard let duration = GatewayConfiguration.duration(latency) else {
                throw EmulatorSettingsError("--latency must look like 800ms or 2s.")
            }
            settings.latency = duration...duration
        }
        if let faultRate { settings.faultRate = faultRate }
        if let pictureBytes { settings.pictureBytes = pictureBytes }
        if let imagen {
            guard let mode = EmulatorSettings.ImagenMode(rawValue: imagen) else {
                throw EmulatorSettingsError("--imagen must be retired or legacy.")
            }
            settings.imagen = mode
        }
        return settings
    }
}

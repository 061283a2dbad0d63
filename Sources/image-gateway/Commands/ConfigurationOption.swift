// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ImageGateway

/// Finds the configuration: the option, the environment, the file beside us, or none.
struct ConfigurationOption: ParsableArguments {
    @Option(help: "The configuration file; else IMAGE_GATEWAY_CONFIG, ./image-gateway.yaml, or none.")
    var config: String?

    /// - Parameter needsProviders: `false` if the vendors of the file are replaced.
    func load(needsProviders: Bool = true) throws -> GatewayConfiguration {
        let environment = ProcessInfo.processInfo.environment
        let named = config ?? environment["IMAGE_GATEWAY_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let file = named ?? "image-gateway.yaml"
        guard named != nil || FileManager.default.fileExists(atPath: file) else {
            return GatewayConfiguration(environment: environment)
        }
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw ConfigurationError(["The configuration file \(file) cannot be read."])
        }
        return try GatewayConfiguration(yaml: text, environment: environment, needsProviders: needsProviders)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import ImageGateway
import Logging

/// Validates a configuration and tries what it names.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract:
            "Validate the configuration, try the storage with a test object, and ask each provider for its models."
    )

    @OptionGroup var file: ConfigurationOption

    @Flag(help: "Print the results as JSON.")
    var json = false

    func run() async throws {
        let configuration = try file.load()
        let logger = LogSetup.logger(configuration.log)
        let gateway = try await OperatorError.explained { try await Gateway(configuration, logger: logger) }
        var results = [await gateway.checkStorage()]
        results += await gateway.checkProviders()
        if configuration.providers.isEmpty {
            results.append(
                Gateway.CheckResult(name: "providers", mistake: OperatorError.noProviders, detail: "")
            )
        }
        await gateway.close()
        show(results)
        if configuration.providers.isEmpty { throw ExitCode(ExitStatus.usage) }
        if results.contains(where: { $0.mistake != nil }) { throw ExitCode(ExitStatus.failed) }
    }

    private func show(_ results: [Gateway.CheckResult]) {
        if json {
            let list = results.map { result in
                JSON(present: [
                    "name": JSON(result.name), "ok": .bool(result.mistake == nil),
                    "message": JSON(result.mistake ?? result.detail),
                ])
            }
            return Terminal.print(.array(list))
        }
        for result in results {
            print(result.mistake.map { "FAILED  \(result.name): \($0)" } ?? "ok      \(result.name): \(result.detail)")
        }
    }
}

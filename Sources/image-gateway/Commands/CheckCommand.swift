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
            "Validate the configuration, try the storage with a test object, and ask each provider for its models.",
        discussion: """
            Nothing is left behind: no folder is made, no database opened, the test object is deleted. It works beside a \
            gateway that runs. The exit status is 0 if all is well, 1 if something failed, 2 if the configuration is wrong.
            """
    )

    @OptionGroup var file: ConfigurationOption

    @Flag(help: "Print the results as JSON.")
    var json = false

    func run() async throws {
        let configuration = try file.load()
        let logger = LogSetup.logger(configuration.log)
        let check = try await OperatorError.explained { try GatewayCheck(configuration, logger: logger) }
        async let storage = check.checkStorage()
        async let providers = check.checkProviders()
        var results = [await storage] + (await providers)
        if configuration.providers.isEmpty {
            results.append(
                GatewayCheck.Result(
                    name: "providers",
                    mistake: OperatorError.noProviders,
                    detail: "",
                    isMisconfigured: true
                )
            )
        }
        await check.close()
        show(results)
        if results.contains(where: \.isMisconfigured) { throw ExitCode(ExitStatus.usage) }
        if results.contains(where: { $0.mistake != nil }) { throw ExitCode(ExitStatus.failed) }
    }

    private func show(_ results: [GatewayCheck.Result]) {
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

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ImageGateway

/// The program: parses, runs one subcommand, and turns whatever happened into an exit status.
@main
struct ImageGatewayProgram {
    static func main() async {
        do {
            let command = try RootCommand.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            end(error)
        }
    }

    private static func end(_ error: any Error) -> Never {
        switch error {
        case let code as ExitCode: exit(code.rawValue)
        case let failure as CommandFailure:
            Terminal.complain(failure.message)
            exit(failure.status)
        case let error as ConfigurationError:
            for mistake in error.mistakes { Terminal.complain(mistake) }
            exit(ExitStatus.usage)
        default:
            // Help and version are "errors" of the parser that end well; its usage mistakes have a status of their own.
            let code = RootCommand.exitCode(for: error)
            guard code != .success else {
                print(RootCommand.fullMessage(for: error))
                exit(0)
            }
            Terminal.write(RootCommand.fullMessage(for: error) + "\n", to: .standardError)
            exit(code == .validationFailure ? ExitStatus.usage : ExitStatus.failed)
        }
    }
}

/// All subcommands.
struct RootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image-gateway",
        abstract: "One endpoint in front of several image vendors.",
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, GenerateCommand.self, EditCommand.self, TaskCommand.self, TasksCommand.self,
            CancelCommand.self, CheckCommand.self, EmulateCommand.self, ProvidersCommand.self,
            WebhooksCommand.self,
        ]
    )
}

/// The exit statuses of the contract.
enum ExitStatus {
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let interrupted: Int32 = 130
    /// Ended at once by a second SIGTERM.
    static let terminated: Int32 = 143
}

/// A command that did not do its work, and why.
struct CommandFailure: Error {
    var status: Int32
    var message: String

    init(_ message: String, status: Int32 = ExitStatus.failed) {
        self.message = message
        self.status = status
    }
}

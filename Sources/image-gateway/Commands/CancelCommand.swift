// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// Ends a task.
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel a task that is not finished."
    )

    @Argument(help: "The task's id, image_….")
    var id: String

    @Flag(help: "Print the task as JSON.")
    var json = false

    func run() async throws {
        Terminal.exitWhenInterrupted()
        guard TaskID(id) != nil else { throw CommandFailure("'\(id)' is no task id.", status: ExitStatus.usage) }
        let client = try GatewayClient()
        let result = await Result { try await client.post("/v1/images/tasks/\(id)/cancel", [:]) }
        await client.close()
        let task = try result.get()
        if json { Terminal.print(task) } else { print(TaskLine(task).details) }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore

/// Follows one task and saves its pictures.
struct TaskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task",
        abstract: "Show a task; wait for it and save its pictures with --save."
    )

    @Argument(help: "The task's id, image_….")
    var id: String

    @Flag(help: "Wait until it is finished and save its pictures.")
    var save = false

    @Option(name: [.short, .long], help: "The file to save to; implies --save.")
    var output: String?

    @Flag(help: "Print the task as JSON.")
    var json = false

    func run() async throws {
        Terminal.exitWhenInterrupted()
        guard TaskID(id) != nil else { throw CommandFailure("'\(id)' is no task id.", status: ExitStatus.usage) }
        let client = try GatewayClient()
        let result = await Result { try await show(client) }
        await client.close()
        try result.get()
    }

    private func show(_ client: GatewayClient) async throws {
        let task = try await client.get("/v1/images/tasks/\(id)?include=attempts")
        if save || output != nil {
            return try await TaskReport(json: json).finish(task, PictureFiles(client: client, output: output))
        }
        if json {
            Terminal.print(task)
        } else {
            print(TaskLine(task).details)
        }
    }
}

/// Lists tasks.
struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tasks", abstract: "List your tasks, newest first.")

    @Option(help: "How many, 1 to 100.")
    var limit: Int = 20

    @Option(help: "Only pending, in_progress, completed or failed ones.")
    var status: String?

    @Option(name: [.short, .long], help: "Only those of a model.")
    var model: String?

    @Option(help: "Only those behind this id.")
    var after: String?

    @Flag(help: "Print the page as JSON.")
    var json = false

    func run() async throws {
        Terminal.exitWhenInterrupted()
        let client = try GatewayClient()
        let result = await Result { try await list(client) }
        await client.close()
        try result.get()
    }

    private func list(_ client: GatewayClient) async throws {
        var query = URLComponents()
        query.queryItems = [URLQueryItem(name: "limit", value: String(limit))]
        for (name, value) in [("status", status), ("model", model), ("after", after)] {
            if let value { query.queryItems?.append(URLQueryItem(name: name, value: value)) }
        }
        let page = try await client.get("/v1/images/tasks?\(query.percentEncodedQuery ?? "")")
        if json { return Terminal.print(page) }
        let tasks = page["data"]?.array ?? []
        for task in tasks { print(TaskLine(task).text) }
        if tasks.isEmpty { Terminal.note("No tasks.") }
        if page["has_more"]?.bool == true, let last = page["last_id"]?.string {
            Terminal.note("There are more: --after \(last)")
        }
    }
}

/// A task in one line, or in several.
struct TaskLine {
    private let task: JSON

    init(_ task: JSON) {
        self.task = task
    }

    var text: String {
        let status = (task["status"]?.string ?? "?").padding(toLength: 12, withPad: " ", startingAt: 0)
        let prompt = (task["prompt"]?.string ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
        let short = prompt.count > 48 ? prompt.prefix(47) + "…" : prompt[...]
        return "\(word("id"))  \(status) \(word("model"))  \(short)"
    }

    var details: String {
        var lines = [text]
        if let error = task["error"] {
            lines.append("  \(error["code"]?.string ?? ""): \(error["message"]?.string ?? "")")
        }
        for entry in task["data"]?.array ?? [] { lines.append("  \(entry["url"]?.string ?? "")") }
        for attempt in task["attempts"]?.array ?? [] {
            let outcome = attempt["outcome"]?.string ?? "running"
            lines.append(
                "  attempt at \(attempt["provider"]?.string ?? "?"): \(outcome), billed \(attempt["billed"]?.string ?? "?")"
            )
        }
        return lines.joined(separator: "\n")
    }

    private func word(_ name: String) -> String { task[name]?.string ?? "?" }
}

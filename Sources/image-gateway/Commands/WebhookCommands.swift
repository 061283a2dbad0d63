// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// Shows what became of webhooks, and sends them again; asks the admin listener of a running gateway.
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Show webhooks of a running gateway, and send them again.",
        discussion: """
            Asks the admin listener: IMAGE_GATEWAY_ADMIN_URL (http://127.0.0.1:8081 unless set), with \
            IMAGE_GATEWAY_ADMIN_TOKEN where it wants one.
            """,
        subcommands: [
            WebhookListCommand.self, WebhookShowCommand.self, WebhookRedeliverCommand.self,
            WebhookEndpointsCommand.self, WebhookEnableCommand.self,
        ]
    )
}

/// What all of these commands take.
struct WebhookOptions: ParsableArguments {
    @Flag(help: "Print the answer as JSON.")
    var json = false

    /// Calls the admin listener and prints what it says.
    func run(
        _ call: (GatewayClient) async throws -> JSON,
        print lines: (JSON) -> Void
    ) async throws {
        Terminal.exitWhenInterrupted()
        let client = try GatewayClient.admin()
        let result = await Result { try await call(client) }
        await client.close()
        let answer = try result.get()
        if json { Terminal.print(answer) } else { lines(answer) }
    }
}

/// Lists deliveries.
struct WebhookListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List deliveries, those of the latest tasks first."
    )

    @Flag(help: "Only those that were given up.")
    var failed = false

    @Flag(help: "Only those that are still to be delivered.")
    var pending = false

    @Option(help: "Only those of a task.")
    var task: String?

    @Option(help: "How many, 1 to 100.")
    var limit: Int = 20

    @Option(help: "Only those behind this id.")
    var after: String?

    @OptionGroup var options: WebhookOptions

    func validate() throws {
        if failed, pending { throw ValidationError("--failed and --pending exclude each other.") }
        guard (1...100).contains(limit) else { throw ValidationError("--limit must be from 1 to 100.") }
        if let task, TaskID(task) == nil { throw ValidationError("'\(task)' is no task id.") }
        if let after { try WebhookLine.check(after) }
    }

    func run() async throws {
        var query = "limit=\(limit)"
        if failed { query += "&state=failed" }
        if pending { query += "&state=pending" }
        if let task { query += "&task=\(task)" }
        if let after { query += "&after=\(after)" }
        try await options.run({ try await $0.get("/webhooks/deliveries?\(query)") }) { page in
            let deliveries = page["data"]?.array ?? []
            for delivery in deliveries { print(WebhookLine(delivery).text) }
            if deliveries.isEmpty { Terminal.note("No deliveries.") }
            if page["has_more"]?.bool == true, let last = deliveries.last?["id"]?.string {
                Terminal.note("There are more: --after \(last)")
            }
        }
    }
}

/// Shows one delivery with its tries.
struct WebhookShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show a delivery and its tries.")

    @Argument(help: "The delivery's id, msg_….")
    var id: String

    @OptionGroup var options: WebhookOptions

    func validate() throws { try WebhookLine.check(id) }

    func run() async throws {
        try await options.run({ try await $0.get("/webhooks/deliveries/\(id)") }) { print(WebhookLine($0).details) }
    }
}

/// Lists the endpoints of the configuration.
struct WebhookEndpointsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "endpoints",
        abstract: "List the endpoints of the configuration, and whether they are sent to."
    )

    @OptionGroup var options: WebhookOptions

    func run() async throws {
        try await options.run({ try await $0.get("/webhooks/endpoints") }, print: WebhookLine.printEndpoints)
    }
}

/// Sends to an endpoint again.
struct WebhookEnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Send to an endpoint again that had said it is gone (410)."
    )

    @Argument(help: "The endpoint's name.")
    var name: String

    @OptionGroup var options: WebhookOptions

    func validate() throws { try WebhookLine.check(name) }

    func run() async throws {
        try await options.run(
            { try await $0.post("/webhooks/endpoints/\(name)/enable", [:]) },
            print: WebhookLine.printEndpoints
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore

/// Makes pictures through a running gateway and saves them.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Make a picture through a running gateway and save it.",
        discussion: "Reads IMAGE_GATEWAY_URL (default http://127.0.0.1:8080) and IMAGE_GATEWAY_KEY."
    )

    @Argument(help: "What to draw.")
    var prompt: String

    @Option(name: [.short, .long], help: "The model; by default the gateway's first.")
    var model: String?

    @Option(name: .short, help: "How many pictures, 1 to 10.")
    var n: Int = 1

    @Option(help: "WIDTHxHEIGHT, 1K, 2K, 4K, or a ratio such as 16:9.")
    var size: String?

    @Option(help: "png, jpeg or webp; by default what the output file's name says.")
    var format: String?

    @Option(help: "low, medium, high …")
    var quality: String?

    @Option(help: "A number that makes drawing repeatable where the vendor promises that.")
    var seed: Int?

    @Option(name: [.short, .long], help: "The file to save to; several pictures get -1, -2 … before the ending.")
    var output: String?

    @Flag(help: "Print the task as JSON instead of the files' names.")
    var json = false

    func run() async throws {
        Terminal.exitWhenInterrupted()
        let client = try GatewayClient()
        let result = await Result { try await generate(client) }
        await client.close()
        try result.get()
    }

    private func generate(_ client: GatewayClient) async throws {
        let files = PictureFiles(client: client, output: output)
        try files.checkOutput()
        let wanted = format ?? output.flatMap { PictureFormat(fileExtension: $0)?.rawValue }
        let task = try await client.post(
            "/v1/images/generations/async",
            JSON(present: [
                "model": JSON(try await chosenModel(client)),
                "prompt": JSON(prompt),
                "n": JSON(n),
                "size": size.map { JSON($0) },
                "output_format": wanted.map { JSON($0) },
                "quality": quality.map { JSON($0) },
                "seed": seed.map { JSON($0) },
            ])
        )
        try await TaskReport(json: json).finish(task, files)
    }

    private func chosenModel(_ client: GatewayClient) async throws -> String {
        if let model { return model }
        guard let first = try await client.get("/v1/models")["data"]?[0]?["id"]?.string else {
            throw CommandFailure("The gateway has no model for this key.")
        }
        return first
    }
}

/// What a command says of a task in the end.
struct TaskReport {
    let json: Bool

    /// Follows the task, saves its pictures, says where they are.
    func finish(_ task: JSON, _ files: PictureFiles) async throws {
        let final = try await files.follow(task)
        let saved = final["status"]?.string == "completed" ? try await files.save(final) : []
        for warning in final["warnings"]?.array ?? [] { Terminal.note("Note: \(warning.string ?? "")") }
        if json {
            let names = JSON.array(saved.map { JSON($0) })
            Terminal.print(.object((final.members ?? []) + [JSON.Member("files", names)]))
        } else {
            for file in saved { print(file) }
        }
        if let error = final["error"] {
            let code = error["code"]?.string ?? "task_failed"
            throw CommandFailure("\(error["message"]?.string ?? "The task failed.") (\(code))")
        }
    }
}

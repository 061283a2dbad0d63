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

    @OptionGroup var options: PictureOptions

    func run() async throws {
        try await options.makePictures { client in
            let members = try await options.members(prompt, client).map { JSON.Member($0, $1) }
            return try await client.post("/v1/images/generations/async", .object(members))
        }
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

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// What commands that make pictures have in common.
struct PictureOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "The model; by default the gateway's first.")
    var model: String?

    @Option(name: .short, help: "How many pictures, 1 to 10.")
    var n: Int = 1

    @Option(help: "WIDTHxHEIGHT, 512, 1K, 2K, 4K, or a ratio such as 16:9.")
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

    /// Makes a task, follows it and saves its pictures.
    ///
    /// - Parameter create: Makes the task at the gateway.
    func makePictures(_ create: (GatewayClient) async throws -> JSON) async throws {
        Terminal.exitWhenInterrupted()
        let client = try GatewayClient()
        let result = await Result {
            let files = PictureFiles(client: client, output: output)
            try files.checkOutput()
            try await TaskReport(json: json).finish(try await create(client), files)
        }
        await client.close()
        try result.get()
    }

    /// The request's members; those that were not given are left out.
    func members(_ prompt: String, _ client: GatewayClient) async throws -> [(name: String, value: JSON)] {
        let wanted = format ?? output.flatMap { PictureFormat(fileExtension: $0)?.rawValue }
        let model = try await chosenModel(client)
        let all: [(name: String, value: JSON?)] = [
            ("model", JSON(model)), ("prompt", JSON(prompt)), ("n", JSON(n)), ("size", size.map { JSON($0) }),
            ("output_format", wanted.map { JSON($0) }), ("quality", quality.map { JSON($0) }),
            ("seed", seed.map { JSON($0) }),
        ]
        return all.compactMap { member in member.value.map { (member.name, $0) } }
    }

    private func chosenModel(_ client: GatewayClient) async throws -> String {
        if let model { return model }
        guard let first = try await client.get("/v1/models")["data"]?[0]?["id"]?.string else {
            throw CommandFailure("The gateway has no model for this key.")
        }
        return first
    }
}

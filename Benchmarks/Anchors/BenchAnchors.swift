// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What the benchmark holds the gateway against, and what it loads it with.
@main
struct BenchAnchors: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-anchors",
        abstract: "What the benchmark compares the gateway with; Benchmarks/ runs it.",
        subcommands: [ServeCommand.self, LoadCommand.self, PieceCommand.self]
    )
}

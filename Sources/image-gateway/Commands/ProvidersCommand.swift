// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import ImageGateway

/// Says which vendors there are, and what their models can do.
struct ProvidersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "providers",
        abstract: "List the kinds of vendors and what their models can do."
    )

    @Flag(help: "Print the document docs/providers.md.")
    var markdown = false

    @Flag(help: "Print everything for programs.")
    var json = false

    func validate() throws {
        if markdown, json { throw ValidationError("--markdown and --json exclude each other.") }
    }

    func run() {
        let manual = ProviderManual()
        if json {
            Terminal.print(manual.json)
        } else {
            Terminal.write(markdown ? manual.markdown : manual.text, to: .standardOutput)
        }
    }
}

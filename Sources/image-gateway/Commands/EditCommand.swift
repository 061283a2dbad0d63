// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import NIOCore

/// Edits pictures through a running gateway and saves what becomes of them.
struct EditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Edit pictures through a running gateway and save the result.",
        discussion: """
            image-gateway edit "make it a woodcut" -i photo.jpg -o woodcut.png
            Reads IMAGE_GATEWAY_URL (default http://127.0.0.1:8080) and IMAGE_GATEWAY_KEY.
            """
    )

    @Argument(help: "What to make of the picture.")
    var prompt: String

    @Option(
        name: [.short, .customLong("image")],
        help: "A PNG, JPEG or WebP file, - for standard input, or an http(s) address; the first one is the base."
    )
    var image: [String] = []

    @Option(help: "A PNG or WebP file as large as the first picture: where it is transparent, that one is edited.")
    var mask: String?

    @OptionGroup var options: PictureOptions

    func validate() throws {
        if image.isEmpty { throw ValidationError("There is nothing to edit: give a picture with -i FILE.") }
        if image.count > ImageRequest.maxInputs {
            throw ValidationError("At most \(ImageRequest.maxInputs) pictures can be edited at once.")
        }
        if (image + [mask].compactMap { $0 }).count(where: { $0 == "-" }) > 1 {
            throw ValidationError("Only one picture can come from standard input.")
        }
        if let address = image.firstIndex(where: Self.isAddress), !image[address...].allSatisfy(Self.isAddress) {
            throw ValidationError("Give files before addresses: the gateway takes them in that order.")
        }
    }

    func run() async throws {
        var form = FormUpload()
        for name in image {
            if Self.isAddress(name) {
                form.add("image_urls[]", text: name)
            } else {
                form.add("image[]", try PictureInput(name))
            }
        }
        if let mask { form.add("mask", try PictureInput(mask)) }
        let pictures = form
        try await options.makePictures { client in
            var form = pictures
            for (name, value) in try await options.members(prompt, client) {
                form.add(name, text: value.string ?? String(buffer: value.encoded()))
            }
            return try await client.post("/v1/images/edits/async", form)
        }
    }

    private static func isAddress(_ name: String) -> Bool {
        ["http://", "https://"].contains { name.lowercased().hasPrefix($0) }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@Suite struct CommandLineTests {
    @Test func `generate saves pictures and task and tasks show them`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()

        let made = try await run(
            ["generate", "a fox", "-m", "gemini-2.5-flash-image", "--size", "16:9", "-n", "2", "-o", "fox.png"],
            fixture
        )
        #expect(made.status == 0)
        #expect(made.output == "fox-1.png\nfox-2.png\n")
        #expect(!made.errors.contains("\u{1B}"), "no escape sequences where nobody watches")
        for name in ["fox-1.png", "fox-2.png"] {
            let data = try Data(contentsOf: fixture.folder.appendingPathComponent(name))
            #expect(
                PictureHeader(ByteBuffer(bytes: data).readableBytesView)
                    == PictureHeader(format: .png, size: PixelSize(1344, 768))
            )
        }

        let listed = try await run(["tasks", "--json"], fixture)
        let page = try JSON(reading: ByteBuffer(string: listed.output))
        let id = try #require(page["data"]?[0]?["id"]?.string)
        #expect(page["data"]?.array?.count == 1)
        let shown = try await run(["task", id, "--save"], fixture)
        #expect(shown.status == 0)
        #expect(shown.output == "\(id)-1.png\n\(id)-2.png\n")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `the exit status tells work that failed from a command that was wrong`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        let wrongKey = ["IMAGE_GATEWAY_KEY": "wrong"]

        let refused = try await run(["generate", "a fox [emulate:refuse]", "-m", "gemini-2.5-flash-image"], fixture)
        let unknown = try await run(["generate", "a fox", "-m", "no-such-model"], fixture)
        let rejected = try await run(["tasks"], fixture, wrongKey)
        let mistyped = try await run(["generat", "a fox"], fixture)
        let noID = try await run(["task", "nonsense"], fixture)
        let help = try await run(["--help"], fixture)

        #expect(refused.status == 1)
        #expect(refused.errors.contains("content_policy_violation"))
        #expect(unknown.status == 1)
        #expect(unknown.errors.contains("no-such-model"))
        #expect(rejected.status == 1)
        #expect(rejected.errors.contains("invalid_api_key"))
        #expect(mistyped.status == 2)
        #expect(noID.status == 2)
        #expect(help.status == 0)
        #expect(help.output.contains("generate"))
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `edit sends pictures from files, pipes and addresses and saves what comes back`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        _ = try fixture.samplePicture()
        _ = try fixture.samplePicture(named: "style \"2\".png")
        let model = ["-m", "gemini-2.5-flash-image"]

        let made = try await run(["edit", "a woodcut", "-i", "in.png", "-o", "out.png"] + model, fixture)
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output == "out.png\n")
        let data = try Data(contentsOf: fixture.folder.appendingPathComponent("out.png"))
        #expect(PictureHeader(ByteBuffer(bytes: data).readableBytesView)?.format == .png)

        let several = ["edit", "a woodcut", "-i", "in.png", "--image", "style \"2\".png", "-n", "2", "--json"]
        let told = try await run(several + model, fixture)
        let task = try JSON(reading: ByteBuffer(string: told.output))
        #expect(task["object"]?.string == "image.edit")
        #expect(task["files"]?.array?.count == 2)
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `an edit that cannot be is refused in a sentence before anything is sent`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        _ = try fixture.samplePicture()
        let file = { fixture.folder.appendingPathComponent($0) }
        try Data("just text".utf8).write(to: file("notes.txt"))
        try Data().write(to: file("empty.png"))
        try FileManager.default.createDirectory(at: file("album"), withIntermediateDirectories: true)
        try Data(contentsOf: file("in.png")).write(to: file("large.png"))
        let large = try FileHandle(forWritingTo: file("large.png"))
        try large.truncate(atOffset: (50 << 20) + 1)
        try large.close()

        for (arguments, sentence) in [
            (["-i", "missing.png"], "There is no file missing.png."), (["-i", "album"], "album is a folder"),
            (["-i", "notes.txt"], "notes.txt is no PNG, JPEG or WebP picture."),
            (["-i", "empty.png"], "empty.png is empty."),
            (["-i", "large.png"], "large.png is too large"), (["-i", "-"], "Standard input is empty."),
            ([], "give a picture"),
            (["-i", "in.png", "--mask", "notes.txt"], "notes.txt is no"),
            (["-i", "-", "-i", "-"], "Only one picture can come from standard input."),
            (["-i", "https://a.example/x.png", "-i", "in.png"], "files before addresses"),
        ] {
            let refused = try await run(["edit", "a woodcut", "-m", "gemini-2.5-flash-image"] + arguments, fixture)
            #expect(refused.status == 2, "\(arguments): \(refused.errors)")
            #expect(refused.errors.contains(sentence), "\(arguments): \(refused.errors)")
        }
        // What only the gateway knows: this model edits nothing.
        let imagen = try await run(["edit", "a hat", "-i", "in.png", "-m", "imagen-4.0-generate-001"], fixture)
        #expect(imagen.status == 1)
        #expect(imagen.errors.contains("(unsupported_parameter)"), "\(imagen.errors)")
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `check tries storage and providers and a broken configuration is refused sentence by sentence`()
        async throws
    {
        let fixture = try await GatewayFixture()

        let good = try await run(["check"], fixture)
        #expect(good.status == 0, "\(good.output) \(good.errors)")
        #expect(good.output.split(separator: "\n").count == 3)
        #expect(good.output.split(separator: "\n").allSatisfy { $0.hasPrefix("ok") })

        // It leaves nothing behind, and works beside a gateway that runs.
        let data = fixture.folder.appendingPathComponent("data").path
        #expect(!FileManager.default.fileExists(atPath: data))
        let gateway = try await fixture.startGateway()
        let beside = try await run(["check"], fixture)
        #expect(beside.status == 0, "\(beside.output) \(beside.errors)")
        #expect(beside.output.contains("links work at http://127.0.0.1:\(fixture.gatewayPort)"), "\(beside.output)")
        #expect(await gateway.end() == 0)
        let bare = try await RunningProgram.run(
            RunningProgram.program,
            ["check"],
            folder: try RunningProgram.newFolder()
        )
        #expect(bare.status == 2)
        #expect(bare.output.contains("ok      storage") && bare.output.contains("GEMINI_API_KEY"))

        let broken =
            "servr: { listen: x }\nauth: { mode: none }\nproviders: [ { kind: gemini, api_keys: [\"${NO_SUCH_KEY}\"] } ]\n"
        try Data(broken.utf8).write(to: fixture.folder.appendingPathComponent("broken.yaml"))
        let bad = try await run(["check", "--config", "broken.yaml"], fixture)
        #expect(bad.status == 2)
        #expect(bad.errors.contains("Did you mean server?"))
        #expect(bad.errors.contains("NO_SUCH_KEY"))
        await fixture.end()
    }

    @Test func `serve without any provider says what to do`() async throws {
        let folder = try RunningProgram.newFolder()

        let run = try await RunningProgram.run(RunningProgram.program, ["serve"], folder: folder)

        #expect(run.status == 2)
        for name in ["GEMINI_API_KEY", "HINGNET_API_KEY", "AITOEARN_API_KEY"] { #expect(run.errors.contains(name)) }
    }

    @Test func `a second process on the same database is refused`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()

        let second = try await run(["serve"], fixture)

        #expect(second.status == 2)
        #expect(second.errors.contains("gateway.sqlite"))
        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    private func run(
        _ arguments: [String],
        _ fixture: GatewayFixture,
        _ environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        try await RunningProgram.run(
            RunningProgram.program,
            arguments,
            folder: fixture.folder,
            environment: fixture.clientEnvironment.merging(environment) { $1 }
        )
    }
}

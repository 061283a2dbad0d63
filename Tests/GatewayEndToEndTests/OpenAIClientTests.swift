// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@Suite struct OpenAIClientTests {
    @Test func `the official Python client makes pictures in both forms and gets typed errors`() async throws {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        let python = RunningProgram.packageRoot.appendingPathComponent(".build/test-venv/bin/python")
        try #require(
            FileManager.default.isExecutableFile(atPath: python.path),
            "The tests' virtual environment is missing: run `make test` once."
        )

        let script = try #require(
            Bundle.module.url(forResource: "openai_client", withExtension: "py", subdirectory: "Clients")
        )
        let run = try await RunningProgram.run(
            python,
            [script.path, gateway.base, GatewayFixture.key, "test-key-of-bob"],
            folder: fixture.folder
        )

        try #require(run.status == 0, "\(run.errors)")
        let seen = try JSON(reading: ByteBuffer(string: run.output))
        #expect(seen["default"]?["size"]?.string == "1344x768")
        #expect(seen["default"]?["said"]?.string == "1344x768")
        #expect(seen["default"]?["format"]?.string == "png")
        #expect(seen["default"]?["url"] == nil)
        #expect(seen["default"]?["created"]?.bool == true)
        #expect(seen["default"]?["usage"]?.bool == true)
        #expect(seen["default"]?["request_id"]?.bool == true)
        #expect(seen["url"]?["count"]?.integer == 2)
        #expect(seen["url"]?["b64"] == nil)
        #expect(seen["url"]?["different"]?.bool == true)
        #expect(seen["url"]?["size"]?.string == "1024x1024")
        #expect(seen["imagen"]?.string == "1024x1024")
        #expect(seen["models"]?.array?.count == 1)
        expectStream(seen)
        expect(seen["wrong_key"], "AuthenticationError", 401, "invalid_api_key")
        expect(seen["wrong_model"], "NotFoundError", 404, "model_not_found")
        expect(seen["not_allowed"], "PermissionDeniedError", 403, "model_not_allowed")
        expect(seen["refusal"], "BadRequestError", 400, "content_policy_violation")
        expect(seen["bad_n"], "BadRequestError", 400, "invalid_value")

        #expect(await gateway.end() == 0)
        await fixture.end()
    }

    @Test func `the official Python client gets typed errors for edits nobody can make`() async throws {
        let seen = try await edits(only: ["failures"])

        for (name, code, parameter) in [
            ("no_picture", "invalid_image", "image"), ("imagen", "unsupported_parameter", "image"),
            ("partials", "invalid_value", "partial_images"),
        ] {
            let failure = seen["failed"]?[name]
            #expect(failure?["class"]?.string == "BadRequestError", "\(name)")
            #expect(failure?["code"]?.string == code, "\(name)")
            #expect(failure?["param"]?.string == parameter, "\(name)")
        }
        #expect(seen["failed"]?["mask"]?["code"]?.string == "unsupported_parameter")
    }

    @Test func `the official Python client edits pictures in all its forms`() async throws {
        let seen = try await edits(only: [])

        let forms = seen["edited"]?.members ?? []
        #expect(forms.count == 11)
        for form in forms {
            #expect(form.value.array?.count == (form.name == "two" ? 2 : 1), "\(form.name): \(form.value)")
        }
        #expect(seen["failed"]?["mask"]?["param"]?.string == "mask")
    }

    /// Runs the client's edits of a small picture.
    private func edits(only: [String]) async throws -> JSON {
        let fixture = try await GatewayFixture()
        let gateway = try await fixture.startGateway()
        let picture = try fixture.samplePicture()
        let script = try #require(
            Bundle.module.url(forResource: "openai_edits", withExtension: "py", subdirectory: "Clients")
        )
        let run = try await RunningProgram.run(
            RunningProgram.packageRoot.appendingPathComponent(".build/test-venv/bin/python"),
            [script.path, gateway.base, GatewayFixture.key, picture.path] + only,
            folder: fixture.folder
        )
        try #require(run.status == 0, "\(run.errors)")
        let seen = try JSON(reading: ByteBuffer(string: run.output))
        try await lookAtVendor(fixture, picture, forms: seen["edited"]?.members?.map(\.name) ?? [])
        #expect(await gateway.end() == 0)
        await fixture.end()
        return seen
    }

    /// The vendor must have had the client's very bytes, as often as they were given.
    private func lookAtVendor(_ fixture: GatewayFixture, _ picture: URL, forms: [String]) async throws {
        let checksum = JSON(SamplePicture.checksum(try Data(contentsOf: picture)))
        let entries = try await fixture.ledger()["entries"]?.array ?? []
        for form in forms {
            let entry = entries.first { $0["prompt"]?.string == "make it a woodcut: \(form)" }
            #expect(entry?["inputs"] == .array(Array(repeating: checksum, count: form == "files" ? 2 : 1)), "\(form)")
            #expect(entry?["calls"]?.integer == (form == "two" ? 2 : 1), "\(form)")
        }
    }

    /// One event for each picture, of the client's own types, and a failure raised in the middle.
    private func expectStream(_ seen: JSON) {
        let stream = seen["stream"]
        let types = stream?["types"]?.array?.map(\.string)
        #expect(types == ["image_generation.completed", "image_generation.completed"])
        #expect(stream?["classes"]?.array?.map(\.string) == ["ImageGenCompletedEvent", "ImageGenCompletedEvent"])
        #expect(stream?["sizes"]?.array?.map(\.string) == ["1024x1024", "1024x1024"])
        #expect(stream?["said"] == stream?["sizes"])
        #expect(stream?["usage"]?.array?.map(\.bool) == [false, true])
        #expect(stream?["different"]?.bool == true)
        #expect(seen["stream_failure"]?["class"]?.string == "APIError")
        #expect(seen["stream_failure"]?["code"]?.string == "content_policy_violation")
        #expect(seen["stream_failure"]?["param"]?.string == "prompt")
    }

    private func expect(_ failure: JSON?, _ name: String, _ status: Int, _ code: String) {
        #expect(failure?["class"]?.string == name)
        #expect(failure?["status"]?.integer == status)
        #expect(failure?["code"]?.string == code)
        #expect(failure?["request_id"]?.bool == true)
        #expect(failure?["message"]?.bool == true)
    }
}

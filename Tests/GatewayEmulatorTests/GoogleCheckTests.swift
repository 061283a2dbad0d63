// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEmulator
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing

@Suite struct GoogleKeyTests {
    private static let path = "gemini-3-pro-image:generateContent"

    @Test func `a call without a key is refused with 403`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.call(Self.path, gemini("fox"), key: nil)

            #expect(answer.status == 403)
            #expect(answer.statusName == "PERMISSION_DENIED")
            #expect(answer.message.contains("unregistered callers"))
        }
    }

    @Test func `a bad key is refused with 400 and its reason`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.call(Self.path, gemini("fox"), key: "AIza-bad")

            #expect(answer.status == 400)
            #expect(answer.statusName == "INVALID_ARGUMENT")
            #expect(answer.json["error"]?["details"]?[0]?["reason"]?.string == "API_KEY_INVALID")
        }
    }

    @Test(arguments: ["gemini-9:generateContent", "gemini-9:predict", "gemini-3-pro-image:sing"])
    func `the key is looked at before the model and the body`(path: String) async throws {
        try await withEmulator { client, _ in
            let answer = try await client.call(path, "no object", key: "bad")

            #expect(answer.json["error"]?["details"]?[0]?["reason"]?.string == "API_KEY_INVALID")
        }
    }

    @Test func `a token is not a key`() async throws {
        try await withEmulator { client, _ in
            let response = try await client.execute(
                uri: "/v1beta/models/\(Self.path)",
                method: .post,
                headers: [.authorization: "Bearer x"],
                body: gemini("fox").encoded()
            )

            #expect(Answer(response).status == 401)
        }
    }

    @Test func `a key in the query is good too, and so is a listed one`() async throws {
        try await withEmulator({ $0.keys = ["listed"] }) { client, _ in
            let query = try await client.execute(
                uri: "/v1beta/models/\(Self.path)?key=emulated-x",
                method: .post,
                body: gemini("fox").encoded()
            )
            let listed = try await client.call(Self.path, gemini("fox"), key: "listed")

            #expect(query.status == .ok)
            #expect(listed.status == 200)
        }
    }
}

@Suite struct GoogleModelTests {
    @Test(arguments: [
        (
            "gemini-9:generateContent",
            "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent"
        ),
        ("imagen-4.0-generate-001:generateContent", "is not supported for generateContent"),
        ("gemini-3-pro-image:streamGenerateContent", "is not supported for streamGenerateContent"),
        (
            "gemini-3-pro-image-preview:generateContent",
            "is no longer available. Please update your code to use models/gemini-3-pro-image"
        ),
        (
            "gemini-2.5-flash-image-preview:generateContent",
            "models/gemini-2.5-flash-image-preview is no longer available"
        ),
        ("gemini-3.1-flash-image:generateContent", "models/gemini-3.1-flash-image is no longer available to new users"),
    ])
    func `a model that cannot be called is 404, in the vendor's texts`(path: String, text: String) async throws {
        try await withEmulator({ $0.closedModels = ["gemini-3.1-flash-image"] }) { client, _ in
            let answer = try await client.call(path, gemini("fox"))

            #expect(answer.status == 404)
            #expect(answer.statusName == "NOT_FOUND")
            #expect(answer.message.contains(text))
        }
    }

    @Test func `a model has only its own method`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.predict("fox", "gemini-3-pro-image")

            #expect(answer.status == 404)
            #expect(
                answer.message.contains(
                    "gemini-3-pro-image is not found for API version v1beta, or is not supported for predict"
                )
            )
        }
    }

    @Test func `a path that is none is an HTML page`() async throws {
        try await withEmulator { client, _ in
            for uri in ["/v1beta/nothing", "/v1beta/models/gemini-3-pro-image", "/"] {
                let answer = Answer(try await client.execute(uri: uri, method: .post))

                #expect(answer.status == 404)
                #expect(answer.contentType.hasPrefix("text/html"))
            }
        }
    }

    @Test func `a colon may be escaped`() async throws {
        try await withEmulator { client, _ in
            let status = try await client.call("gemini-3-pro-image%3AgenerateContent", gemini("fox")).status
            #expect(status == 200)
        }
    }

    @Test func `an alias draws like its model`() async throws {
        try await withEmulator { client, _ in
            let answer = try await client.draw("fox", "nano-banana-pro-preview")

            #expect(answer.status == 200)
            #expect(answer.json["modelVersion"]?.string == "nano-banana-pro-preview")
        }
    }

    private static func list(_ client: any TestClientProtocol, _ query: String) async throws -> Answer {
        Answer(try await client.execute(uri: "/v1beta/models?key=emulated-x&\(query)", method: .get))
    }

    private static func names(_ answer: Answer) -> [String] {
        answer.json["models"]?.array?.compactMap { $0["name"]?.string } ?? []
    }

    @Test func `models are listed in pages`() async throws {
        try await withEmulator { client, _ in
            let all = Self.names(try await Self.list(client, "pageSize=1000"))
            var paged: [String] = []
            var token = ""
            repeat {
                let page = try await Self.list(client, "pageSize=3" + (token.isEmpty ? "" : "&pageToken=\(token)"))
                #expect(Self.names(page).count <= 3)
                paged += Self.names(page)
                token = page.json["nextPageToken"]?.string ?? ""
            } while !token.isEmpty

            #expect(paged == all)
            #expect(all.contains("models/gemini-nano-banana-2.1"))
            #expect(all.contains("models/nano-banana-pro-preview"))
            #expect(all.contains("models/imagen-4.0-generate-001"))
            #expect(!all.contains("models/gemini-3-pro-image-preview"))
        }
    }

    @Test(arguments: ["pageSize=x", "pageSize=-1", "pageToken=zzz", "pageToken=999"])
    func `a page that cannot be is refused`(query: String) async throws {
        try await withEmulator { client, _ in
            let status = try await Self.list(client, query).status
            #expect(status == 400)
        }
    }

    @Test func `one model is shown, even one that was shut down`() async throws {
        try await withEmulator { client, _ in
            for (model, status) in [
                ("gemini-3-pro-image", 200), ("gemini-3-pro-image-preview", 200), ("gemini-9", 404),
            ] {
                let uri = "/v1beta/models/\(model)?key=emulated-x"
                let answer = Answer(try await client.execute(uri: uri, method: .get))
                #expect(answer.status == status)
            }
            let status = try await client.execute(uri: "/v1beta/models/gemini-3-pro-image", method: .get).status
            #expect(status == .forbidden)
        }
    }

    @Test func `retired Imagen models are not listed and answer 404`() async throws {
        try await withEmulator({ $0.imagen = .retired }) { client, _ in
            let names = Self.names(try await Self.list(client, ""))
            let answer = try await client.predict("fox")

            #expect(!names.contains { $0.contains("imagen") })
            #expect(answer.status == 404)
            #expect(answer.message.contains("not supported for predict"))
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import HummingbirdTesting
import Testing

/// What a key can use, and whether the process works.
@Suite struct DirectoryTests {
    // MARK: Models

    @Test func `the models are listed as the clients know them`() async throws {
        let answer = try await TestGateway().run { try await $0.get("/v1/models") }
        #expect(answer.status == 200)
        #expect(answer.json.names == ["object", "data"])
        #expect(
            answer.json["data"]?[0] == [
                "id": "gemini-3-pro-image-preview", "object": "model", "created": 0, "owned_by": "gemini",
            ]
        )
        #expect(answer.json["data"]?.array?.count == 6)
    }

    @Test(arguments: [
        (
            "key-alice",
            [
                "gemini-3-pro-image-preview", "imagen-4.0-generate-001", "imagen-plain", "editor", "masked",
                "vendor/with-slash",
            ]
        ),
        ("key-bob", ["gemini-3-pro-image-preview"]), ("key-carol", ["imagen-plain"]),
    ])
    func `each key sees its own models`(key: String, models: [String]) async throws {
        try await TestGateway().run { client in
            let answer = try await client.get("/v1/models", key: key)
            #expect(answer.json["data"]?.array?.compactMap { $0["id"]?.string } == models)
        }
    }

    @Test(arguments: ["imagen-plain", "vendor%2Fwith-slash"])
    func `one model can be looked at`(id: String) async throws {
        let answer = try await TestGateway().run { try await $0.get("/v1/models/\(id)") }
        #expect(answer.status == 200)
        #expect(answer.json.names == ["id", "object", "created", "owned_by"])
    }

    @Test(arguments: [("nothing", "key-alice"), ("imagen-plain", "key-bob"), ("%FF", "key-alice")])
    func `a model that a key cannot use is not there`(id: String, key: String) async throws {
        let answer = try await TestGateway().run { try await $0.get("/v1/models/\(id)", key: key) }
        answer.expectError(404, "model_not_found", parameter: "model")
    }

    // MARK: Health

    @Test func `health needs no key`() async throws {
        let gateway = TestGateway { $0.readiness = ["database": {}, "providers": {}] }
        try await gateway.run { client in
            let live = try await client.get("/health/live", key: nil)
            #expect(live.status == 200)
            #expect(live.json == ["status": "ok"])
            let ready = try await client.get("/health/ready", key: nil)
            #expect(ready.status == 200)
            #expect(ready.json == ["status": "ok", "checks": ["database": "ok", "providers": "ok"]])
        }
    }

    @Test func `a part that does not work makes the gateway unready, not dead`() async throws {
        let gateway = TestGateway { gateway in
            gateway.readiness = [
                "database": { throw StoreError(.unavailable, "canary: no disk") }, "providers": {},
            ]
        }
        try await gateway.run { client in
            #expect(try await client.get("/health/live").status == 200)
            let ready = try await client.get("/health/ready")
            #expect(ready.status == 503)
            #expect(ready.json == ["status": "failed", "checks": ["database": "failed", "providers": "ok"]])
            #expect(!ready.text.contains("canary"))
        }
        #expect(gateway.log.text.contains("canary: no disk"))
    }

    @Test func `the operators' listener has health and nothing of the callers`() async throws {
        let gateway = TestGateway { $0.readiness = ["database": {}] }
        try await gateway.server.adminApplication().test(.router) { client in
            #expect(try await client.get("/health/live").status == 200)
            #expect(try await client.get("/health/ready").json["checks"]?["database"] == "ok")
            try await client.get("/v1/models").expectError(404, "not_found")
            try await client.post("/health/live").expectError(405, "method_not_allowed")
        }
    }

    // MARK: TLS

    @Test func `a certificate that cannot be used is said so before anything listens`() {
        let certificate = ServerCertificate(certificateFile: "/nowhere/c.pem", privateKeyFile: "/nowhere/k.pem")
        #expect(throws: ServerCertificateError.self) {
            _ = try TestGateway().server.application(certificate: certificate)
        }
    }
}

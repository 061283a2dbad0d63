// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Testing

/// What operators see on their listener.
@Suite struct AdminTests {
    private static let status = ProvidersStatus(providers: [
        ProvidersStatus.Provider(
            name: "google",
            isUsable: true,
            inFlight: 3,
            waiting: 2,
            keys: [
                ProvidersStatus.Key(id: "0a1b2c3d", state: .usable),
                ProvidersStatus.Key(
                    id: "11111111",
                    state: .disabled,
                    reason: "credential",
                    since: Timestamp(seconds: 100),
                    until: Timestamp(seconds: 700)
                ),
            ],
            models: [ProvidersStatus.Model(name: "m", state: .halfOpen, until: nil)]
        )
    ])

    private func admin(token: Secret?) -> some ApplicationProtocol {
        let parts = ServerParts(
            store: MemoryTaskStore(),
            objects: MemoryObjectStore(),
            files: nil,
            board: TaskBoard(),
            models: ModelDirectory([]),
            callers: KnownKeys(),
            digest: { _ in [] },
            providers: { Self.status }
        )
        return GatewayServer(parts: parts, settings: ServerSettings(node: "n"), logger: CapturedLog().logger())
            .adminApplication(token: token)
    }

    @Test func `providers are shown with key names, states and what is out`() async throws {
        try await admin(token: nil).test(.router) { client in
            let response = try await client.execute(uri: "/providers", method: .get)
            #expect(response.status == .ok)
            let text = String(buffer: response.body)
            let wanted = [
                #""object":"list","usable":true"#, #""name":"google","usable":true,"in_flight":3,"waiting":2"#,
                #"{"id":"0a1b2c3d","state":"usable"}"#,
                #"{"id":"11111111","state":"disabled","reason":"credential","since":100,"until":700}"#,
                #""models":[{"name":"m","state":"half_open"}]"#,
            ]
            for part in wanted { #expect(text.contains(part), "\(part) is not in \(text)") }
        }
    }

    @Test(arguments: [("Bearer t-1", 200), ("Bearer t-2", 401), ("Bearer t-11", 401), ("Bearer ", 401), (nil, 401)])
    func `where others can connect the token is needed, but not for health`(header: String?, status: Int) async throws {
        try await admin(token: Secret("t-1")).test(.router) { client in
            var headers = HTTPFields()
            if let header { headers[.authorization] = header }
            let response = try await client.execute(uri: "/providers", method: .get, headers: headers)
            #expect(response.status.code == status)
            #expect(try await client.execute(uri: "/health/ready", method: .get).status == .ok)
        }
    }

    @Test func `callers have no such path`() async throws {
        try await TestGateway().run { client in
            let headers: HTTPFields = [.authorization: "Bearer key-alice"]
            let response = try await client.execute(uri: "/providers", method: .get, headers: headers)
            #expect(response.status == .notFound)
        }
    }
}

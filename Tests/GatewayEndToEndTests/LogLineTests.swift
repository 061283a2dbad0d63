// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

/// The line that the program writes about each request.
@Suite struct LogLineTests {
    private static let time = #"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"#

    @Test(arguments: [
        (
            "json",
            [
                #"\{"time":"TIME","level":"info","message":"request","caller":"alice","method":"GET","#
                    + #""path":"/v1/models/a=b","request":"mine-1","status":404,"took_ms":\d+\}"#,
                #"\{"time":"TIME","level":"info","message":"request","method":"GET","path":"/v1/models","#
                    + #""request":"mine-2","status":401,"took_ms":\d+\}"#,
            ]
        ),
        (
            "text",
            [
                #"TIME info     request caller=alice method=GET path="/v1/models/a=b" request=mine-1 status=404 took_ms=\d+"#,
                #"TIME info     request method=GET path=/v1/models request=mine-2 status=401 took_ms=\d+"#,
            ]
        ),
    ])
    func `a request has one line, with its members by name`(format: String, expected: [String]) async throws {
        let (folder, port) = (try RunningProgram.newFolder(), LoopbackPorts.take())
        let yaml = """
            server: { listen: "127.0.0.1:\(port)", admin_listen: "127.0.0.1:0" }
            auth: { keys: [ { name: alice, key: "key-of-alice-1234567890" } ] }
            providers: [ { kind: gemini, api_keys: [unused] } ]
            log: { format: \(format) }
            """
        try Data(yaml.utf8).write(to: folder.appendingPathComponent("image-gateway.yaml"))
        let program = try await RunningProgram(["serve"], port: port, folder: folder, ready: "/health/live")
        try await ask(program, "/v1/models/a=b?sig=x", "mine-1", key: "key-of-alice-1234567890")
        try await ask(program, "/v1/models", "mine-2", key: "nobody's")
        #expect(await program.end() == 0)

        let lines = program.log("serve").split(separator: "\n").filter { $0.contains("took_ms") }
        #expect(lines.count == 2, "questions for health have none: \(lines)")
        for (line, pattern) in zip(lines, expected) {
            let regex = try Regex(pattern.replacing("TIME", with: Self.time))
            #expect(line.wholeMatch(of: regex) != nil, "\(line)")
        }
    }

    private func ask(_ program: RunningProgram, _ path: String, _ name: String, key: String) async throws {
        let transport = try CurlTransport()
        var request = TransportRequest(.get, program.base + path)
        request.headers = [.authorization: "Bearer \(key)", HTTPField.Name("x-request-id") ?? .via: name]
        _ = try await transport.send(request)
        await transport.close()
    }
}

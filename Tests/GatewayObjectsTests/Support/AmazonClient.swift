// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import GatewayObjects

/// Amazon's own client, asked what it makes of uploads and links.
enum AmazonClient {
    struct Case: Encodable, Sendable {
        var time: Int64
        var endpoint: String
        var region: String
        var style: String
        var accessKey: String
        var secret: String
        var token: String?
        var bucket: String
        var key: String
        var expires: Int
        /// Parameters of the two calls, by the client's own names.
        var link: [String: String]
        var upload: [String: String]
        var body: String

        enum CodingKeys: String, CodingKey {
            case time, endpoint, region, style, secret, token, bucket, key, expires, link, upload, body
            case accessKey = "access_key"
        }
    }

    struct Result: Decodable, Sendable {
        let link: String
        let url: String?
        let headers: [String: String]?
    }

    static func ask(_ cases: [Case]) throws -> [Result] {
        let folder = try TemporaryFolder()
        let lines = try cases.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        try folder.write(Array(lines.joined(separator: "\n").utf8), to: "cases.jsonl")
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let script = try #require(
            Bundle.module.url(forResource: "s3_client", withExtension: "py", subdirectory: "Vectors")
        )
        let (process, output) = (Process(), Pipe())
        process.executableURL = root.appending(path: ".build/test-venv/bin/python3")
        process.arguments = [script.path]
        process.standardInput = try FileHandle(
            forReadingFrom: URL(fileURLWithPath: "\(folder.path)/cases.jsonl")
        )
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LiveServerFailure(
                "s3_client.py ended with \(process.terminationStatus); run `make test` to install it."
            )
        }
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSONDecoder().decode(Result.self, from: $0) }
    }
}

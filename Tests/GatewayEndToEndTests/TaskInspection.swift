// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore

/// Looks at what a caller gets: a whole picture, or an error of the contract that gives nothing away.
struct TaskInspection {
    /// What is wrong with it, a sentence each.
    private(set) var mistakes: [String] = []

    /// What the contract has for a task that failed.
    static let codes: Set<String> = [
        "task_failed", "content_policy_violation", "no_image_generated", "upstream_error", "provider_unavailable",
        "task_timeout", "outcome_unknown", "storage_error", "invalid_image", "payload_too_large",
        "unsupported_parameter",
    ]

    /// What no caller may read: names, hosts, keys and words of vendors, and where they are.
    static let secrets = [
        "hingnet", "aitoearn", "google", "gemini", "imagen", "generativelanguage", "emulated", "127.0.0.1", "one_hub",
        "<html", "logid", "resource_exhausted", "api_key", "permission_denied", "invalid_argument", "upstream_error",
        "quota exceeded", "retryinfo", "safety system", "nginx", "model_group", "model overloaded", "finishreason",
    ]

    /// Looks at a task that is final.
    init(_ task: JSON, _ fixture: GatewayFixture, pictures count: Int = 1) async throws {
        if task["status"]?.string == "completed" {
            try await lookAtLinks(of: task, count, fixture)
        } else if let code = task["error"]?["code"]?.string, !Self.codes.contains(code) {
            mistakes.append("its code is \(code)")
        } else if task["error"]?["code"]?.string == nil {
            mistakes.append("it has neither pictures nor an error")
        }
        look(at: task["error"]?["message"]?.string)
        for warning in task["warnings"]?.array ?? [] { look(at: warning.string) }
        for attempt in task["attempts"]?.array ?? [] { look(at: attempt["error"]?.string) }
    }

    /// Looks at the answer of a call that waited.
    init(answer: JSON, status: Int, pictures count: Int, _ fixture: GatewayFixture) async throws {
        if status == 200 {
            for entry in answer["data"]?.array ?? [] where entry["b64_json"] != nil {
                guard case .string(let text) = entry["b64_json"], let bytes = Base64.decode(text.bytes) else {
                    mistakes.append("its base64 is none")
                    continue
                }
                look(at: bytes, of: answer)
            }
            try await lookAtLinks(of: answer, count, fixture, orBase64: true)
        } else {
            let code = answer["error"]?["code"]?.string ?? "none"
            if !Self.codes.contains(code) { mistakes.append("its code is \(code)") }
            for member in ["message", "type"] where answer["error"]?[member]?.string == nil {
                mistakes.append("its error has no \(member)")
            }
        }
        look(at: answer["error"]?["message"]?.string)
        for warning in answer["warnings"]?.array ?? [] { look(at: warning.string) }
    }

    private mutating func lookAtLinks(
        of answer: JSON,
        _ count: Int,
        _ fixture: GatewayFixture,
        orBase64: Bool = false
    ) async throws {
        let entries = answer["data"]?.array ?? []
        let isShortTold = answer["warnings"]?.array?.isEmpty == false && !entries.isEmpty && entries.count < count
        if entries.count != count, !isShortTold { mistakes.append("it has \(entries.count) pictures, not \(count)") }
        for entry in entries where !orBase64 || entry["b64_json"] == nil {
            guard let link = entry["url"]?.string else {
                mistakes.append("an entry has no link")
                continue
            }
            let limits = TransportLimits(responseBytes: 256 << 20)
            look(at: try await fixture.transport.send(TransportRequest(.get, link, limits: limits)).body, of: answer)
        }
    }

    private mutating func look(at bytes: ByteBuffer, of answer: JSON) {
        guard let header = PictureHeader(bytes.readableBytesView) else {
            mistakes.append("what it gives is no picture")
            return
        }
        if !Self.isWhole(bytes, header.format) { mistakes.append("its picture breaks off") }
        if let size = answer["size"]?.string, header.size.description != size {
            mistakes.append("its picture has \(header.size) pixels, not \(size)")
        }
        if let format = answer["output_format"]?.string, header.format.rawValue != format {
            mistakes.append("its picture is \(header.format.rawValue), not \(format)")
        }
    }

    /// Whether a file goes on to its end.
    static func isWhole(_ file: ByteBuffer, _ format: PictureFormat) -> Bool {
        let bytes = file.readableBytesView
        switch format {
        case .png:
            return bytes.suffix(12).elementsEqual([0, 0, 0, 0] + [UInt8]("IEND".utf8) + [0xAE, 0x42, 0x60, 0x82])
        case .jpeg: return bytes.suffix(2).elementsEqual([0xFF, 0xD9])
        case .webp:
            let length = file.getInteger(at: file.readerIndex + 4, endianness: .little, as: UInt32.self) ?? .max
            return bytes.count == Int(length) + 8
        }
    }

    private mutating func look(at sentence: String?) {
        guard let sentence else { return }
        let folded = sentence.lowercased()
        for secret in Self.secrets where folded.contains(secret) { mistakes.append("it says \(secret): \(sentence)") }
        if !sentence.allSatisfy(\.isASCII) { mistakes.append("it is not in the gateway's words: \(sentence)") }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

/// The row's own encoder, held to Foundation's.
@Suite struct RowEncoderTests {
    private static func same(_ value: some Codable & Equatable) throws {
        let text = try RowEncoder.encode(value)
        let decoded = try JSONDecoder().decode(type(of: value), from: Data(text.utf8))
        #expect(decoded == value)

        let theirs = try JSONEncoder().encode(value)
        #expect(try sorted(Data(text.utf8)) == sorted(theirs), "\(text)")
    }

    private static func sorted(_ text: Data) throws -> Data {
        let value = try JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed)
        return try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
    }

    enum Shape: Codable, Equatable {
        case nothing
        case one(Int)
        case several(name: String, flags: [Bool?], inner: [[String: Double]])
        indirect case nested(Shape, Shape)
    }

    struct Everything: Codable, Equatable {
        var texts = ["", "a\"b\\c/d", "\u{0}\u{1F}\n\r\t\u{7F}", "é 日本 🦊", "\u{2028}"]
        var small: UInt8 = 255
        var large: UInt64 = .max
        var negative: Int64 = .min
        var fraction = 0.1
        var whole = 1e21
        var absent: String?
        var duration = Duration.milliseconds(1_500)
        var empty: [Int] = []
        var emptyObject: [String: Int] = [:]
        var lists: [[[Int]]] = [[], [[]], [[1, 2], [3]]]
        var shapes: [Shape] = [
            .nothing, .one(1), .several(name: "x", flags: [true, nil, false], inner: [["a": 1.5], [:]]),
            .nested(.one(2), .nested(.nothing, .one(3))),
        ]
        var last = "end"
    }

    @Test func `whatever a row may hold is written as Foundation writes it`() throws {
        try Self.same(Everything())
        try Self.same("a text alone")
        try Self.same([1, 2, 3])
        try Self.same(Shape.nested(.nothing, .several(name: "", flags: [], inner: [])))
    }

    @Test func `a number that JSON cannot write is refused`() {
        #expect(throws: EncodingError.self) { try RowEncoder.encode([1.0, .infinity]) }
        #expect(throws: EncodingError.self) { try RowEncoder.encode(["a": Double.nan]) }
    }

    @Test func `a task in every stage is read back as it was`() throws {
        let samples = SampleTasks()
        var task = try samples.pending(prompt: "quote \" backslash \\ line\nfox 🦊", count: 3)
        try Self.same(task)
        for event in [
            .claimed(node: "node-1", portions: [1, 1, 1]), SampleTasks.submitting(),
            .accepted(portion: 0, job: ProviderJob(id: "job/1", pollURL: "https://vendor.example/\"poll\"?a=b")),
            .generated(portion: 0, urls: ["https://vendor.example/a"], usage: nil),
            SampleTasks.submitting(portion: 1), SampleTasks.stored(portion: 1),
            .portionFailed(portion: 2, SampleTasks.failure), SampleTasks.stored(),
        ] as [TaskEvent] {
            task = try task.applying(event, at: samples.time.now)
            try Self.same(task)
        }
        #expect(task.status == .completed)
    }
}

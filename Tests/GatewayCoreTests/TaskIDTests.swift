// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Testing

@Suite struct TaskIDTests {
    @Test func `names made in one millisecond grow and differ`() {
        let ids = TaskIDSource(time: ManualTime())

        let made = (0..<10_000).map { _ in ids.next() }

        #expect(zip(made, made.dropFirst()).allSatisfy { $0 < $1 })
        #expect(Set(made.map(\.description)).count == 10_000)
    }

    @Test func `names grow while the clock steps forward and back`() {
        let time = ManualTime()
        let ids = TaskIDSource(time: time)
        var made = [ids.next()]

        for step in [5, -1000, 0, 3, 2000, -1] {
            time.advance(by: .milliseconds(step))
            made.append(ids.next())
        }

        #expect(zip(made, made.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func `names made by many threads at once all differ`() async {
        let ids = TaskIDSource()

        let made = await withTaskGroup(of: [TaskID].self) { group in
            for _ in 0..<8 { group.addTask { (0..<1000).map { _ in ids.next() } } }
            return await group.reduce(into: Set<TaskID>()) { $0.formUnion($1) }
        }

        #expect(made.count == 8000)
    }

    @Test func `a name begins with its time in base 32`() {
        // The example of the ULID specification: 01ARYZ6S41 is 1469918176385.
        let time = ManualTime(Timestamp(milliseconds: 1_469_918_176_385))

        let id = TaskIDSource(time: time).next()

        #expect(id.description.hasPrefix("image_01ARYZ6S41"))
        #expect(id.description.utf8.count == 32)
    }

    @Test func `two sources at one moment make different names`() {
        let time = ManualTime()

        #expect(TaskIDSource(time: time).next() != TaskIDSource(time: time).next())
    }

    @Test(arguments: ["image_01KCRVET35FAVZME1CEEED9VBS", "image_00000000000000000000000000"])
    func `a well-formed name is read`(text: String) {
        #expect(TaskID(text)?.description == text)
    }

    @Test(arguments: [
        "", "image_", "01KCRVET35FAVZME1CEEED9VBS", "image_01KCRVET35FAVZME1CEEED9VB",
        "image_01KCRVET35FAVZME1CEEED9VBSS", "image_01kcrvet35favzme1ceeed9vbs", "image_01KCRVET35FAVZME1CEEED9VBI",
        "image_01KCRVET35FAVZME1CEEED9VBL", "image_01KCRVET35FAVZME1CEEED9VBO", "image_01KCRVET35FAVZME1CEEED9VBU",
        "Image_01KCRVET35FAVZME1CEEED9VBS", "video_01KCRVET35FAVZME1CEEED9VBS", " image_01KCRVET35FAVZME1CEEED9VB",
        "image_01KCRVET35FAVZME1CEEED9VB\n", "image_01KCRVET35FAVZME1CEEED9V\u{E9}", "image_%_ET35FAVZME1CEEED9VBSXX",
        "image_01KCRVET35FAVZME1CEEED9VB'", "image_../../../../../../etc/pas",
    ])
    func `anything else is no name`(text: String) {
        #expect(TaskID(text) == nil)
    }

    @Test func `a name travels through JSON as its text, and only a good one arrives`() throws {
        let id = try #require(TaskID("image_01KCRVET35FAVZME1CEEED9VBS"))

        let text = String(decoding: try JSONEncoder().encode([id]), as: UTF8.self)

        #expect(text == #"["image_01KCRVET35FAVZME1CEEED9VBS"]"#)
        #expect(try JSONDecoder().decode([TaskID].self, from: Data(text.utf8)) == [id])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([TaskID].self, from: Data(#"["image_1"]"#.utf8))
        }
    }
}

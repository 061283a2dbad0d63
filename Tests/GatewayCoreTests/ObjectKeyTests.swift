// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import Testing

@Suite struct ObjectKeyTests {
    @Test(arguments: ["a", "2026/11/21/image_1-0.png", "A-Z_0.9/x", String(repeating: "k", count: 900)])
    func `a plain name is a key`(text: String) {
        #expect(ObjectKey(text)?.description == text)
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.hidden", "a b", "a%2Fb", "a\\b", "a?b", "a#b", "é",
        "a\u{0}",
        "a\n", String(repeating: "k", count: 901),
    ])
    func `a name that could mean something else is none`(text: String) {
        #expect(ObjectKey(text) == nil)
    }

    @Test func `a picture lies in the folder of the day its task was made`() throws {
        let samples = SampleTasks()
        let task = try samples.pending()

        let key = ObjectKey.picture(of: task, index: 3, format: .jpeg)

        #expect(key.description == "2023/11/14/\(task.id)-3.jpg")
        #expect(ObjectKey(key.description) == key)
    }
}

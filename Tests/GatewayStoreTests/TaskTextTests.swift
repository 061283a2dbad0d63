// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Testing

@testable import GatewayStore

/// The rows' own JSON, held to what `Codable` makes of the same tasks.
@Suite struct TaskTextTests {
    let samples = SampleTasks()

    private func expectSame(_ task: ImageTask) throws {
        let bytes = try TaskText.bytes(of: task)
        #expect(String(decoding: bytes, as: UTF8.self) == (try RowEncoder.encode(task)))
        #expect(TaskRow.task(from: Data(bytes)) == task)
    }

    private func fullRequest() throws -> ImageRequest {
        try SampleTasks.request(prompt: "quote \" backslash \\ line\n tab\t bell\u{7} é 日本 🦊 \u{2028}", count: 10) {
            draft in
            draft.kind = .edit
            draft.size = "1536x1024"
            draft.aspectRatio = "16:9"
            draft.quality = "xhigh"
            draft.background = "opaque"
            draft.outputFormat = "webp"
            draft.outputCompression = 0
            draft.responseFormat = "url"
            draft.seed = 2_147_483_647
            draft.negativePrompt = "no \"hats\""
            draft.style = "vivid"
            draft.moderation = "low"
            draft.user = "user/1"
            draft.metadata = ["a": "1", "b\"": "\n", "": ""]
            draft.webhookURL = "https://hooks.example/a?b=\"c\""
            let header = PictureHeader(format: .png, size: PixelSize(1, 65_535))
            draft.inputs = [.upload(header, bytes: 7), .url("https://pictures.example/\"1\"")]
            draft.mask = .upload(header, bytes: 0)
        }
    }

    private func made(_ request: ImageRequest, node: String? = nil, lifetime: Duration = .seconds(86_400)) -> ImageTask
    {
        ImageTask(
            id: samples.id(),
            owner: "alice \"the\" first",
            request: request,
            needsLink: false,
            createdAt: samples.time.now,
            linkLifetime: lifetime,
            node: node,
            retryOf: samples.id()
        )
    }

    @Test(arguments: SampleTasks.Stage.allCases)
    func `a task is written as Codable writes it, whatever its stage`(stage: SampleTasks.Stage) throws {
        try expectSame(try samples.task(try samples.pending(), after: stage.events()))
    }

    @Test func `a task with every member is written as Codable writes it, in every state on its way`() throws {
        var task = made(try fullRequest())
        try expectSame(task)
        let usage = Usage(inputTokens: 1, inputTextTokens: 2, inputImageTokens: 3, outputTokens: 4, totalTokens: 5)
        let picture = StoredPicture(
            key: "a/\"b\".png",
            header: SampleTasks.header,
            bytes: .max,
            revisedPrompt: "re\\vised"
        )
        let job = ProviderJob(id: "job/1", pollURL: "https://vendor.example/\"poll\"?a=b", pollAfter: .seconds(2))
        for event in [
            .claimed(node: "node \"1\"", portions: [4, 3, 2, 1]),
            .submitting(portion: 0, provider: "go\"ogle", model: "m\\1", key: "k\"1", warnings: ["w\"1", ""]),
            .accepted(portion: 0, job: job),
            .generated(
                portion: 0,
                urls: ["https://a.example/\"1"],
                revisedPrompt: "new\n",
                usage: usage,
                warnings: ["w2"]
            ),
            .stored(portion: 0, pictures: [picture, picture], usage: usage, warnings: []),
            SampleTasks.submitting(portion: 1), .attemptFailed(portion: 1, outcome: .noImage, error: "no \"image\""),
            SampleTasks.submitting(portion: 1),
            .delivered(portion: 1, headers: [SampleTasks.header, SampleTasks.header], usage: nil, warnings: ["w3"]),
            .portionFailed(portion: 2, SampleTasks.failure), .portionFailed(portion: 3, SampleTasks.failure),
        ] as [TaskEvent] {
            task = try task.applying(event, at: samples.time.now)
            try expectSame(task)
        }
        #expect(task.status == .completed)
        try expectSame(try made(try fullRequest()).applying(.gaveUp(SampleTasks.failure), at: samples.time.now))
    }

    @Test(arguments: [
        Duration.zero, .milliseconds(-1), .nanoseconds(1), .seconds(Int64.max / 1000), .seconds(-86_400),
    ])
    func `durations of every size are written as Codable writes them`(lifetime: Duration) throws {
        try expectSame(made(try SampleTasks.request(), lifetime: lifetime))
    }

    @Test func `moments before 1970 and numbers of every length are written as Codable writes them`() throws {
        for milliseconds in [Int64.min, -1, 0, 9, 10, 99, 100, 1_700_000_000_000, Int64.max] {
            let made = ImageTask(
                id: samples.id(),
                owner: "",
                request: try SampleTasks.request(),
                needsLink: true,
                createdAt: Timestamp(milliseconds: milliseconds),
                linkLifetime: .seconds(1)
            )
            try expectSame(made)
        }
    }

    /// Whoever adds a member finds this test, and then the line that writes it.
    @Test func `no type has a member that is not written`() throws {
        let request = try fullRequest()
        let task = try samples.task(made(request), after: SampleTasks.Stage.stored.events())
        let members = try #require(
            Mirror(reflecting: task).children.first.map { Mirror(reflecting: $0.value).children.first }
        )
        let attempt = try #require(task.attempts.first)
        let picture = try #require(task.pictures.first)
        for (value, count) in [
            (try #require(members).value, 17), (request, 20), (task.portions[0], 2), (attempt, 9), (picture, 4),
            (picture.header, 2), (picture.header.size, 2),
        ] as [(Any, Int)] {
            #expect(Mirror(reflecting: value).children.count == count, "\(type(of: value)): see TaskText")
        }
        for child in Mirror(reflecting: request).children {
            #expect("\(child.value)" != "nil", "\(child.label ?? ""): the full request leaves it out")
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

/// An adapter whose network is a script.
enum HingNetBench {
    static let key = Secret("sk-0123456789abcdef")
    static let created: JSON = ["id": "image_01KD4Z8Q2M7XW5T3RBN6VHJ0CE", "status": "pending", "progress": 0]
    static let drawn: JSON = ["created": 1, "data": [["b64_json": "iVBORw0K"]]]

    static func provider(_ transport: any HTTPTransport) -> HingNetProvider {
        HingNetProvider(
            settings: ProviderSettings(name: "v", baseURL: "https://vendor.example", timeout: .seconds(300)),
            transport: transport
        )
    }

    static func submit(_ call: ProviderCall, _ answers: ReplayTransport.Answer...) async -> (
        result: Result<ProviderProgress, ProviderError>, sent: [ReplayTransport.Sent]
    ) {
        let transport = ReplayTransport(answers)
        let result = await submit(call, to: provider(transport))
        return (result, transport.sent)
    }

    static func submit(_ call: ProviderCall, to provider: HingNetProvider) async -> Result<
        ProviderProgress, ProviderError
    > {
        do throws(ProviderError) {
            return .success(try await provider.submit(call, key: key))
        } catch {
            return .failure(error)
        }
    }

    static func poll(_ job: ProviderJob, _ answers: ReplayTransport.Answer...) async -> (
        result: Result<ProviderProgress, ProviderError>, sent: [ReplayTransport.Sent]
    ) {
        let transport = ReplayTransport(answers)
        do throws(ProviderError) {
            return (.success(try await provider(transport).poll(job, key: key)), transport.sent)
        } catch {
            return (.failure(error), transport.sent)
        }
    }

    /// A file that passes for a PNG of this size.
    static func picture(_ side: UInt32, _ bytes: Int = 64) -> InputPicture? {
        var file = ByteBuffer(bytes: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13])
        file.writeString("IHDR")
        file.writeInteger(side)
        file.writeInteger(side)
        file.writeRepeatingByte(0x0D, count: bytes)
        return InputPicture(file)
    }
}

extension Result where Success == ProviderProgress, Failure == ProviderError {
    var error: ProviderError? { if case .failure(let error) = self { error } else { nil } }
    var job: ProviderJob? { if case .success(.waiting(let job)) = self { job } else { nil } }
    var pictures: ProviderResult? { if case .success(.done(let result)) = self { result } else { nil } }
}

@Suite struct HingNetTests {
    typealias Bench = HingNetBench

    static let call = ProviderCall(model: "gemini-3-pro-image-preview", prompt: "A red fox")

    // MARK: Without tasks

    static let noTasks: [(Int, JSON)] =
        [200, 400, 404, 500, 503].map {
            ($0, ["error": ["code": "storage_not_configured", "message": "no storage", "type": "one_hub_error"]])
        } + [(404, ["error": ["code": "", "message": "Invalid URL (POST /v1)", "type": "invalid_request_error"]])]

    @Test(arguments: noTasks)
    func `where there are no tasks the picture is drawn at once, and nobody asks again`(status: Int, body: JSON) async {
        let transport = ReplayTransport([
            .json(body, status: status), .json(Bench.drawn), .json(Bench.drawn), .json(Bench.drawn),
        ])
        let provider = Bench.provider(transport)

        let first = await Bench.submit(Self.call, to: provider)
        let second = await Bench.submit(Self.call, to: provider)
        let other = Bench.provider(ReplayTransport([.json(Bench.created)]))

        #expect(first.pictures?.images.count == 1 && second.pictures?.images.count == 1)
        let paths = transport.sent.map { $0.request.url.dropFirst("https://vendor.example/v1/images/".count) }
        #expect(paths == ["generations/async", "generations", "generations"])
        #expect(transport.sent.map(\.request.limits.total) == [.seconds(60), .seconds(300), .seconds(300)])
        #expect(transport.sent.allSatisfy { !$0.request.isRepeatable })
        #expect(
            transport.sent.map { (try? JSON(reading: $0.body))?["response_format"]?.string } == [
                "url", "b64_json", "b64_json",
            ]
        )
        // What one provider has found out does not hold for another.
        #expect(await Bench.submit(Self.call, to: other).job != nil)
    }

    @Test func `no other failure of a task is followed by a second call`() async throws {
        for (name, recording) in try recordings(of: "hingnet") where recording.job == nil && name != "models" {
            let transport = ReplayTransport(recording.exchanges.map(\.answer) + [.json(Bench.drawn)])

            _ = await Bench.submit(recording.call ?? Self.call, to: Bench.provider(transport))

            #expect(transport.sent.count == 1, "\(name)")
        }
    }

    @Test func `an edit without tasks goes to the path that waits`() async throws {
        var call = Self.call
        call.inputs = [try #require(Bench.picture(8))]
        let refusal: JSON = ["error": ["code": "storage_not_configured"]]

        let run = await Bench.submit(call, .json(refusal, status: 500), .json(Bench.drawn))

        #expect(run.result.pictures != nil)
        #expect(
            run.sent.map(\.request.url) == [
                "https://vendor.example/v1/images/edits/async", "https://vendor.example/v1/images/edits",
            ]
        )
    }

    // MARK: Tasks

    @Test(arguments: [false, true])
    func `a task is found again by a process that knows nothing else of it`(isEdit: Bool) async throws {
        var call = Self.call
        if isEdit { call.inputs = [try #require(Bench.picture(8))] }
        let job = try #require(await Bench.submit(call, .json(Bench.created)).result.job)
        let family = isEdit ? "edits" : "generations"
        #expect(job.id == "\(family)/image_01KD4Z8Q2M7XW5T3RBN6VHJ0CE")

        let run = await Bench.poll(ProviderJob(id: job.id), .json(["status": "processing"]))

        #expect(run.sent.map(\.request.url) == ["https://vendor.example/v1/images/\(job.id)"])
        #expect(run.sent.first?.request.isRepeatable == true)
        #expect(run.result.job?.id == job.id)
    }

    static let hostile = [
        "", "../../v1/models", "image_1/../../x", "image_1?x=1", "image_1#", "a b", "image%2f", "bild_ö", "\r\nX: y",
        String(repeating: "x", count: 101), ".",
    ]

    @Test(arguments: hostile)
    func `an id that may not stand in a path is no task`(id: String) async {
        let begun = await Bench.submit(Self.call, .json(["id": JSON(id), "status": "pending"]))

        #expect(begun.result.error?.code == .notUnderstood && begun.result.error?.outcome == .unknown)
        for stored in [id, "generations/\(id)", "videos/image_1", "generations", "edits/"] {
            let polled = await Bench.poll(ProviderJob(id: stored))
            #expect(polled.result.error?.code == .jobNotFound)
            #expect(polled.sent.isEmpty)
        }
    }

    static let words: [(String, Bool?)] = [
        ("pending", true), ("queued", true), ("submitted", true), ("in_progress", true), ("processing", true),
        ("running", true), ("Upscaling now", true), ("", true), ("completed", nil), ("succeeded", nil),
        ("SUCCESS", nil), ("failed", false), ("cancelled", false), ("canceled", false), ("expired", false),
        ("timeout", false), ("failure", false),
    ]

    @Test(arguments: words)
    func `a state is known by its word, and an unknown one is not the end`(word: String, runs: Bool?) async {
        let answer: JSON = ["status": JSON(word), "data": [["url": "https://objects.example/a.png"]]]

        let result = await Bench.poll(ProviderJob(id: "generations/image_1"), .json(answer)).result

        #expect((result.job != nil) == (runs == true))
        #expect((result.pictures != nil) == (runs == nil))
        #expect((result.error?.code == .failed && result.error?.outcome == .failed) == (runs == false))
    }

    static let answers: [(String, ProviderError.Code, Attempt.Outcome)] = [
        (#"{"status":"completed"}"#, .noImage, .unknown), (#"{"status":"completed","data":[]}"#, .noImage, .unknown),
        (#"{"status":"completed","data":null}"#, .noImage, .unknown),
        (#"{"status":"completed","data":[{"url":""}]}"#, .noImage, .unknown),
        (#"{"status":"completed","data":[{"url":"ftp://a/b"}]}"#, .noImage, .unknown),
        (#"{"status":"completed","data":[{"url":"https://a/\nb"}]}"#, .noImage, .unknown),
        (#"{"status":"completed","data":[{"url":7,"b64_json":""}]}"#, .noImage, .unknown),
        (#"{"status":"running","error":{"code":"task_failed"}}"#, .failed, .failed),
        (#"{"status":"failed"}"#, .failed, .failed), (#"{"status":"failed","error":null}"#, .failed, .failed),
        (#"{"status":"failed","error":{"code":"OutputImageSensitiveContentDetected"}}"#, .refused, .refused),
        (#"{"status":"failed","error":{"code":"x","message":"内容违规"}}"#, .refused, .refused),
        (#"{"status":"failed","error":{"code":"insufficient_user_quota"}}"#, .failed, .failed),
        (#"{"progress":50}"#, .notUnderstood, .unknown), (#"{"status":5}"#, .notUnderstood, .unknown),
        (#"{"error":{"code":"task_not_found","message":"task not found"}}"#, .jobNotFound, .unknown),
        (#"{"error":{"code":404,"message":"gone"}}"#, .jobNotFound, .unknown),
        (#"{"error":{"message":"令牌已过期"}}"#, .credential, .rejected),
    ]

    @Test(arguments: answers)
    func `an answer to a question can tell that there is no picture`(
        text: String,
        code: ProviderError.Code,
        outcome: Attempt.Outcome
    ) async throws {
        let answer = try JSON(reading: ByteBuffer(string: text))

        let error = await Bench.poll(ProviderJob(id: "edits/image_1"), .json(answer)).result.error

        #expect(error?.code == code)
        #expect(error?.outcome == outcome)
        #expect(code != .refused || error?.recovery == .report)
    }

    static let statuses: [(Int, String, ProviderError.Code)] = [
        (404, "task not found", .jobNotFound), (400, "bad id", .jobNotFound), (410, "", .jobNotFound),
        (500, "record not found", .jobNotFound), (500, "任务不存在", .jobNotFound), (500, "boom", .overloaded),
        (401, "无效的令牌", .credential), (403, "分组 vip 不存在", .credential), (401, "令牌不存在", .credential),
        (429, "您的速率达到上限，请稍后再试。", .rateLimited), (502, "", .overloaded), (503, "", .overloaded),
        (504, "", .overloaded), (413, "", .overloaded), (503, "当前分组 x 无可用渠道", .overloaded),
        (302, "", .overloaded), (524, "", .overloaded),
    ]

    @Test(arguments: statuses)
    func `a question that fails is not the task's failure`(status: Int, message: String, code: ProviderError.Code)
        async
    {
        let body: JSON = ["error": ["message": JSON(message)]]

        let error = await Bench.poll(ProviderJob(id: "edits/image_1"), .json(body, status: status)).result.error

        #expect(error?.code == code)
        #expect(code == .jobNotFound ? error?.outcome == .unknown : error?.outcome == .rejected)
    }

    // MARK: Answers at once

    @Test func `pictures, words and usage are taken from an answer`() async throws {
        let recording = try #require(try recordings(of: "hingnet")["success_gpt_image"])
        let transport = ReplayTransport(recording.exchanges.map(\.answer))
        let call = try #require(recording.call)

        let result = try #require(await Bench.submit(call, to: Bench.provider(transport)).pictures)

        #expect(result.images.count == 2)
        #expect(result.revisedPrompt == "A fox, painted")
        #expect(
            result.usage
                == Usage(
                    inputTokens: 14,
                    inputTextTokens: 14,
                    inputImageTokens: 0,
                    outputTokens: 1210,
                    totalTokens: 1224
                )
        )
    }

    static let receipts: [(String, ProviderError.Code)] = [
        (#"{"code":200,"data":[{"status":"submitted","task_id":"task_1"}]}"#, .outcomeUnknown),
        (#"{"data":[{"task_id":"task_1","url":null}]}"#, .outcomeUnknown), (#"{"data":[]}"#, .noImage),
        (#"{"data":null,"created":"1"}"#, .noImage), (#"{"created":1}"#, .noImage), ("[]", .notUnderstood),
        (#"{"error":{}}"#, .notUnderstood), (#"{"error":"broken"}"#, .notUnderstood),
    ]

    @Test(arguments: receipts)
    func `an answer without a picture may have cost one`(text: String, code: ProviderError.Code) async throws {
        let answer = try JSON(reading: ByteBuffer(string: text))

        let error = await Bench.submit(ProviderCall(model: "gpt-image-2", prompt: "x"), .json(answer)).result.error

        #expect(error?.code == code)
        #expect(error?.outcome == .unknown)
        #expect(error?.recovery == .report || code == .notUnderstood)
    }

    @Test func `a call that was to wait may become a task, and a task may be done at once`() async {
        let task = await Bench.submit(ProviderCall(model: "gpt-image-2", prompt: "x"), .json(Bench.created)).result
        let done = await Bench.submit(Self.call, .json(Bench.drawn)).result

        #expect(task.job?.id == "generations/image_01KD4Z8Q2M7XW5T3RBN6VHJ0CE")
        #expect(done.pictures?.images.count == 1)
    }

    // MARK: Models

    static let lists: [(String, [String]?)] = [
        (#"{"data":null}"#, []), (#"{"object":"list","data":[]}"#, []),
        (#"{"data":[{"id":"a","owned_by":null},{"id":7},{},{"id":""},"b"]}"#, ["a"]),
        (#"{"error":{"code":"model_not_found","message":"x"}}"#, nil), (#"{"models":[]}"#, nil), ("[]", nil),
    ]

    @Test(arguments: lists)
    func `a list of models may be empty, and an error in disguise`(text: String, names: [String]?) async throws {
        let transport = ReplayTransport([.json(try JSON(reading: ByteBuffer(string: text)))])

        let found = try? await Bench.provider(transport).models(key: Bench.key)

        #expect(found == names)
        #expect(transport.sent.first?.request.headers[.authorization] == "Bearer sk-0123456789abcdef")
    }
}

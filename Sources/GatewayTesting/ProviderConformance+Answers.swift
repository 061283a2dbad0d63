// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

/// What a scenario must be understood as.
struct ScenarioExpectation: Sendable {
    let scenario: String
    let code: ProviderError.Code
    let outcome: Attempt.Outcome
    let failsOver: Bool?
    let consequence: Consequence?

    /// The kind of a consequence.
    enum Consequence {
        case none, disableKey, disableModel, coolDown
    }

    init(
        _ scenario: String,
        _ code: ProviderError.Code,
        _ outcome: Attempt.Outcome,
        failsOver: Bool? = nil,
        _ consequence: Consequence? = nil
    ) {
        self.scenario = scenario
        self.code = code
        self.outcome = outcome
        self.failsOver = failsOver
        self.consequence = consequence
    }

    func mistakes(in error: ProviderError) -> [String] {
        var sentences: [String] = []
        if error.code != code { sentences.append("the code is \(error.code), not \(code)") }
        if error.outcome != outcome { sentences.append("the outcome is \(error.outcome), not \(outcome)") }
        if let failsOver, error.recovery.failsOver != failsOver {
            sentences.append("the next provider \(failsOver ? "may not" : "may") be asked")
        }
        if failsOver == false, error.recovery.retries > 0 { sentences.append("it may be repeated") }
        if let consequence, consequence != Self.kind(of: error.consequence) {
            sentences.append("the consequence is \(Self.kind(of: error.consequence)), not \(consequence)")
        }
        return sentences
    }

    private static func kind(of consequence: ProviderError.Consequence?) -> Consequence {
        switch consequence {
        case nil: .none
        case .disableKey: .disableKey
        case .disableModel, .disableModelForKey: .disableModel
        case .coolDown: .coolDown
        }
    }
}

extension ProviderConformance {
    /// The failures every vendor has, and those of its kind.
    var expectations: [ScenarioExpectation] {
        let common = [
            ScenarioExpectation("refusal", .refused, .refused, failsOver: false, ScenarioExpectation.Consequence.none),
            ScenarioExpectation("bad_request", .invalidRequest, .rejected, failsOver: false, .some(.none)),
            ScenarioExpectation("bad_key", .credential, .rejected, failsOver: true, .disableKey),
            ScenarioExpectation("out_of_credit", .outOfCredit, .rejected, failsOver: true, .disableKey),
            ScenarioExpectation("model_gone", .modelUnavailable, .rejected, failsOver: true, .disableModel),
            ScenarioExpectation("rate_limit", .rateLimited, .rejected, failsOver: true, .coolDown),
            ScenarioExpectation("overloaded", .overloaded, .rejected, failsOver: true, .some(.none)),
            ScenarioExpectation("html_outage", .overloaded, .rejected, failsOver: true, .some(.none)),
            ScenarioExpectation("gateway_timeout", .outcomeUnknown, .unknown, failsOver: false, .some(.none)),
            ScenarioExpectation("truncated_json", .notUnderstood, .unknown),
            ScenarioExpectation("garbage", .notUnderstood, .unknown),
            ScenarioExpectation("lost_answer", .outcomeUnknown, .unknown, failsOver: false, .some(.none)),
            ScenarioExpectation("not_sent", .unreachable, .notSent, failsOver: true, .some(.none)),
        ]
        let ofItsKind =
            provider.descriptor.hasJobs
            ? [
                ScenarioExpectation("poll_failed", .failed, .failed),
                ScenarioExpectation("poll_refusal", .refused, .refused),
            ]
            : [ScenarioExpectation("no_image", .noImage, .noImage)]
        return common + ofItsKind
    }

    var misunderstoodScenarios: [String] {
        get async {
            var sentences: [String] = []
            for expectation in expectations {
                guard let recording = recordings[expectation.scenario] else { continue }
                guard let error = await run(recording).error else {
                    sentences.append("\(expectation.scenario): it is taken for a success")
                    continue
                }
                sentences += expectation.mistakes(in: error).map { "\(expectation.scenario): \($0)" }
            }
            return sentences
        }
    }

    var misjudgedLosses: [String] {
        get async {
            let call = recordings["success"]?.call ?? plainCall
            let lost = ScenarioExpectation("lost", .outcomeUnknown, .unknown, failsOver: false, .some(.none))
            var sentences: [String] = []
            let codes: [TransportError.Code] = [
                .timedOut, .broken, .tooLarge, .bodyFailed, .cancelled, .tls, .notConnected,
            ]
            for code in codes {
                let failure = TransportError(code, mayHaveArrived: true, "The script's failure.")
                guard let error = await run(call, answers: [.failure(failure)]).error else { continue }
                sentences += lost.mistakes(in: error).map { "\(code) after sending: \($0)" }
            }
            for code in codes where code != .tooLarge {
                let failure = TransportError(code, mayHaveArrived: false, "The script's failure.")
                let error = await run(call, answers: [.failure(failure)]).error
                if error?.outcome != .notSent { sentences.append("\(code) before sending: the outcome is not notSent") }
                if code != .cancelled, error?.recovery.failsOver != true {
                    sentences.append("\(code) before sending: the next provider may not be asked")
                }
            }
            return sentences
        }
    }

    var emptySuccesses: [String] {
        get async {
            var sentences: [String] = []
            let scenarios = provider.descriptor.hasJobs ? ["poll_success"] : ["success"]
            for recording in conversations where scenarios.contains(recording.name) {
                guard case .success(.done(let result)) = await run(recording).result else {
                    sentences.append("\(recording.name): it gives no pictures")
                    continue
                }
                if result.images.isEmpty || !result.images.allSatisfy(Self.isPicture) {
                    sentences.append("\(recording.name): a picture cannot be read")
                }
            }
            guard provider.descriptor.hasJobs else { return sentences }
            for scenario in ["success", "poll_pending"] {
                guard let recording = recordings[scenario] else {
                    sentences.append("the recording '\(scenario)' is missing")
                    continue
                }
                guard case .success(.waiting) = await run(recording).result else {
                    sentences.append("\(scenario): it gives no job")
                    continue
                }
            }
            return sentences
        }
    }

    /// Garbage under every status, and the success with each of its values replaced by each kind of nonsense.
    var acceptedGarbage: [String] {
        get async {
            guard let success = recordings[provider.descriptor.hasJobs ? "poll_success" : "success"],
                case .response(let response) = success.exchanges.last?.answer,
                let body = try? JSON(reading: response.body)
            else { return ["there is no recorded success with a JSON body"] }
            var sentences: [String] = []
            for status in [200, 204, 302, 400, 401, 403, 404, 418, 429, 500, 502, 503, 504, 524] {
                for (name, text) in Self.garbage {
                    let answer = TransportResponse(status: status, body: text)
                    let run = await run(success, answers: [.response(answer)])
                    if run.error == nil { sentences.append("HTTP \(status) with \(name) is taken for a success") }
                }
            }
            for length in stride(from: 0, to: response.body.readableBytes, by: max(1, response.body.readableBytes / 50))
            {
                let cut = response.body.getSlice(at: response.body.readerIndex, length: length) ?? ByteBuffer()
                let run = await run(success, answers: [.response(TransportResponse(status: 200, body: cut))])
                if run.error == nil { sentences.append("an answer cut after \(length) bytes is taken for a success") }
            }
            for mutant in Self.mutants(of: body) {
                let run = await run(success, answers: [.json(mutant)])
                guard case .success(.done(let result)) = run.result else { continue }
                if result.images.isEmpty || result.images.contains(where: Self.isEmpty) {
                    sentences.append("an answer without a picture is taken for a success")
                }
            }
            return sentences
        }
    }

    private static let garbage: [(String, ByteBuffer)] = [
        ("no body", ByteBuffer()),
        ("a web page", ByteBuffer(string: "<!DOCTYPE html><html><body><h1>Error</h1></body></html>")),
        ("null", ByteBuffer(string: "null")),
        ("a string", ByteBuffer(string: "\"ok\"")),
        ("an empty list", ByteBuffer(string: "[]")),
        ("an empty object", ByteBuffer(string: "{}")),
        ("an error of another kind", ByteBuffer(string: #"{"error":"broken","message":7,"code":null}"#)),
        ("an empty error", ByteBuffer(string: #"{"error":{}}"#)),
        ("a list of nothing", ByteBuffer(string: "[null]")),
        ("bytes that are no text", ByteBuffer(bytes: (0..<2048).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) })),
        ("deep lists", ByteBuffer(string: String(repeating: "[", count: 100_000))),
        ("deep objects", ByteBuffer(string: String(repeating: #"{"error":"#, count: 100_000))),
    ]

    /// The value with one value in it replaced, for each value and each kind of replacement.
    private static func mutants(of value: JSON) -> [JSON] {
        let replacements: [JSON] = [.null, true, -1, .number("1e400"), "", "\u{0}", [], [:], [.null], ["a": ["b": 1]]]
        var mutants = replacements
        switch value {
        case .array(let elements):
            for (place, element) in elements.enumerated() {
                for mutant in Self.mutants(of: element) {
                    var changed = elements
                    changed[place] = mutant
                    mutants.append(.array(changed))
                }
            }
        case .object(let members):
            for (place, member) in members.enumerated() {
                for mutant in Self.mutants(of: member.value) {
                    var changed = members
                    changed[place].value = mutant
                    mutants.append(.object(changed))
                }
            }
        case .null, .bool, .number, .string: break
        }
        return mutants
    }

    private static func isEmpty(_ image: ImageSource) -> Bool {
        switch image {
        case .base64(let text): text.readableBytes == 0
        case .bytes(let bytes): bytes.readableBytes == 0
        case .url(let url): url.isEmpty
        }
    }

    private static func isPicture(_ image: ImageSource) -> Bool {
        switch image {
        case .base64(let text): Base64.decode(text).flatMap { PictureHeader($0.readableBytesView) } != nil
        case .bytes(let bytes): PictureHeader(bytes.readableBytesView) != nil
        case .url(let url): url.hasPrefix("https://") || url.hasPrefix("http://")
        }
    }
}

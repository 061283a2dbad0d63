// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

/// Adapters with one mistake each: a suite that lets one of them pass proves nothing.
@Suite struct ConformanceSuiteTests {
    @Test(arguments: [
        ("a key in the address", ProviderConformance.Rule.keyStaysInItsHeader),
        ("a key in the error", .keyStaysInItsHeader),
        ("the vendor's words", .messagesNameNobody),
        ("two requests", .submitSendsOneRequest),
        ("a repeatable purchase", .submitSendsOneRequest),
        ("another path", .requestsAreSpelled),
        ("a success without pictures", .brokenAnswersAreErrors),
        ("everything is overload", .scenariosAreUnderstood),
        ("a lost answer is free", .lostAnswersAreUnknown),
        ("strict about members", .unknownMembersAreIgnored),
    ])
    func `a mistake is found`(mistake: String, rule: ProviderConformance.Rule) async throws {
        let provider = try #require(Self.mistaken[mistake])
        let suite = ProviderConformance(provider, recordings: try recordings(of: "gemini"))

        let violations = await suite.violations(of: rule)

        #expect(!violations.isEmpty, "\(mistake)")
    }

    @Test func `a vendor with jobs is held to the rules of its kind`() async throws {
        let recordings = try JobVendor.recordings()
        let suite = ProviderConformance(JobVendor.self, recordings: recordings)

        let missing = await suite.violations(of: .recordingsAreComplete)
        let empty = await suite.violations(of: .successHasPictures)
        var withoutPoll = recordings
        withoutPoll["poll_pending"] = nil
        let incomplete = ProviderConformance(JobVendor.self, recordings: withoutPoll)

        #expect(suite.requiredScenarios.contains("poll_failed"))
        #expect(missing.contains("the recording 'poll_failed' is missing"))
        #expect(empty == [])
        #expect(await incomplete.violations(of: .successHasPictures) == ["the recording 'poll_pending' is missing"])
    }

    @Test(arguments: [
        (#"{"source":"documented","date":"2026-11-21"}"#, "x: 'exchanges' is missing."),
        (#"{"source":"heard","date":"2026-11-21","exchanges":[]}"#, "x: 'source' is missing or unknown."),
        (#"{"source":"recorded","date":"today","exchanges":[]}"#, "x: 'date' must be YYYY-MM-DD."),
        (#"{"source":"recorded","date":"2026-11-21","exhanges":[]}"#, "x: there is no member 'exhanges'."),
        (
            #"{"source":"recorded","date":"2026-11-21","exchanges":[{"failure":"broken"}]}"#,
            "x: a failure needs 'may_have_arrived'."
        ),
    ])
    func `a recording that cannot be used says why`(file: String, sentence: String) throws {
        let json = try JSON(reading: ByteBuffer(string: file))

        let error = #expect(throws: RecordingError.self) { try Recording(name: "x", json) }

        #expect(error?.description == sentence)
    }

    private static let mistaken: [String: any ImageTaskProvider.Type] = [
        "a key in the address": KeyInAddress.self,
        "a key in the error": KeyInError.self,
        "the vendor's words": VendorWords.self,
        "two requests": TwoRequests.self,
        "a repeatable purchase": RepeatablePurchase.self,
        "another path": OtherPath.self,
        "a success without pictures": EmptySuccess.self,
        "everything is overload": AlwaysOverload.self,
        "a lost answer is free": LostIsFree.self,
        "strict about members": StrictMembers.self,
    ]
}

/// An adapter like Gemini's but for one mistake.
private protocol Mistaken: ImageTaskProvider {
    var inner: GeminiProvider { get }
}

extension Mistaken {
    static var descriptor: ProviderDescriptor { GeminiProvider.descriptor }
    func models(key: Secret) async throws(ProviderError) -> [String] { try await inner.models(key: key) }
}

/// A transport that changes what goes out.
private struct Changing: HTTPTransport {
    let inner: any HTTPTransport
    var times = 1
    let change: @Sendable (inout TransportRequest) -> Void

    func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
        var request = request
        change(&request)
        for _ in 1..<max(times, 1) { _ = try? await inner.send(request) }
        return try await inner.send(request)
    }

    func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
        try await inner.open(request)
    }
}

private struct KeyInAddress: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        let changing = Changing(inner: transport) { request in
            request.url += "?key=" + request.headers.reduce("") { $0 + $1.value }
        }
        inner = GeminiProvider(settings: settings, transport: changing)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }
}

private struct KeyInError: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: transport)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        do throws(ProviderError) {
            return try await inner.submit(call, key: key)
        } catch {
            var error = error
            error.detail = key.withPlaintext { "failed with \($0)" }
            throw error
        }
    }
}

private struct VendorWords: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: transport)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        do throws(ProviderError) {
            return try await inner.submit(call, key: key)
        } catch {
            var error = error
            error.message = error.detail ?? error.message
            throw error
        }
    }
}

private struct TwoRequests: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: Changing(inner: transport, times: 2) { _ in })
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }
}

private struct RepeatablePurchase: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: Changing(inner: transport) { $0.isRepeatable = true })
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }
}

private struct OtherPath: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        let changing = Changing(inner: transport) { $0.url = $0.url.replacing("v1beta", with: "v1") }
        inner = GeminiProvider(settings: settings, transport: changing)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }
}

private struct EmptySuccess: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: transport)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        (try? await inner.submit(call, key: key)) ?? .done(ProviderResult(images: []))
    }
}

private struct AlwaysOverload: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: transport)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        do throws(ProviderError) {
            return try await inner.submit(call, key: key)
        } catch {
            throw ProviderError(.overloaded, "The provider is overloaded.")
        }
    }
}

private struct LostIsFree: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: transport)
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        do throws(ProviderError) {
            return try await inner.submit(call, key: key)
        } catch {
            guard error.code == .outcomeUnknown else { throw error }
            throw ProviderError(.unreachable, "The provider could not be reached.")
        }
    }
}

/// Takes no answer with a member it does not know.
private struct StrictMembers: Mistaken {
    let inner: GeminiProvider
    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = GeminiProvider(settings: settings, transport: Suspicious(inner: transport))
    }
    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await inner.submit(call, key: key)
    }

    private struct Suspicious: HTTPTransport {
        let inner: any HTTPTransport
        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            var response = try await inner.send(request)
            let isKnown = !String(buffer: response.body).contains("a_new_member")
            if !isKnown { response.body = ByteBuffer(string: "{}") }
            return response
        }
        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            try await inner.open(request)
        }
    }
}

/// A small vendor that answers with jobs.
struct JobVendor: ImageTaskProvider {
    static let descriptor = ProviderDescriptor(
        kind: "jobs",
        title: "Jobs",
        defaultBaseURL: "https://jobs.example",
        keyVariable: "JOBS_KEY",
        modelPrefixes: ["jobs-"],
        hasJobs: true,
        defaultTimeout: .seconds(60),
        models: [ModelDescription("jobs-1", GeminiProvider.descriptor.unknownModel)],
        unknownModel: GeminiProvider.descriptor.unknownModel
    )

    let api: VendorAPI

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        api = VendorAPI(settings: settings, transport: transport, keyHeader: "x-key") { _ in
            ProviderError(.failed, "The provider failed.")
        }
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await api.buy("/jobs", .json(["prompt": JSON(call.prompt)]), key: key, prompt: call.prompt) { json in
            .waiting(ProviderJob(id: json["id"]?.string ?? ""))
        }
    }

    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        try await api.ask("/jobs/\(job.id)", key: key) { json in
            json["url"]?.string.map { .done(ProviderResult(images: [.url($0)])) } ?? .waiting(job)
        }
    }

    func models(key: Secret) async throws(ProviderError) -> [String] { ["jobs-1"] }

    static func recordings() throws -> [String: Recording] {
        let files: [(String, String)] = [
            ("success", #"{"body":{"id":"1"},"status":200}"#),
            ("poll_pending", #"{"body":{},"status":200}"#),
            ("poll_success", #"{"body":{"url":"https://jobs.example/1.png"},"status":200}"#),
        ]
        var recordings: [String: Recording] = [:]
        for (name, exchange) in files {
            let job = name.hasPrefix("poll") ? #","job":"1""# : ""
            let file = #"{"source":"documented","date":"2026-11-21","exchanges":[\#(exchange)]\#(job)}"#
            recordings[name] = try Recording(name: name, try JSON(reading: ByteBuffer(string: file)))
        }
        return recordings
    }
}

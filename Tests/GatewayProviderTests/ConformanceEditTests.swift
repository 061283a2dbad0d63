// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayTesting
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayProviders

/// Editors and job vendors with one mistake each: the rules for them must find it.
@Suite struct ConformanceEditTests {
    static let mistakes: [(name: String, change: @Sendable (inout ProviderCall, inout TransportRequest) -> Void)] = [
        ("without its last picture", { call, _ in call.inputs.removeLast() }),
        ("pictures in another order", { call, _ in call.inputs.reverse() }),
        ("without its mask", { call, _ in call.mask = nil }),
        ("without its prompt", { call, _ in call.prompt = "x" }),
        ("a picture in the address", { _, request in request.url += "?" + String(buffer: request.text) }),
        ("a picture in a header", { _, request in request.headers[.referer] = String(buffer: request.text) }),
        ("a repeatable purchase", { _, request in request.isRepeatable = true }),
    ]

    @Test(arguments: mistakes.indices)
    func `a mistake in an edit is found`(place: Int) async throws {
        let violations = try await ClumsyAcme.$mistake.withValue(place) {
            try await suite(ClumsyAcme.self).violations(of: .editsSendTheirPictures)
        }

        #expect(!violations.isEmpty, "\(Self.mistakes[place].name)")
    }

    @Test func `an editor without a mistake passes`() async throws {
        #expect(try await suite(ClumsyAcme.self).violations(of: .editsSendTheirPictures) == [])
    }

    @Test func `a vendor with jobs passes, and each mistake with a job is found`() async throws {
        let recordings = try JobVendor.recordings()
        let good = ProviderConformance(JobVendor.self, recordings: recordings)

        #expect(await good.violations(of: .jobsOutliveTheProcess) == [])
        #expect(await good.violations(of: .unknownMembersAreIgnored) == [])
        let bad = ProviderConformance(JobVendor.self, recordings: ["success": try #require(recordings["success"])])
        #expect(await bad.violations(of: .jobsOutliveTheProcess) == ["a recording of a job is missing"])
        let forgetful = ProviderConformance(ForgetfulJobs.self, recordings: recordings)
        let violations = await forgetful.violations(of: .jobsOutliveTheProcess)
        #expect(violations.contains("poll_success: a finished job is still waited for"))
        #expect(violations.contains("poll_pending: the job changes its name"))
        #expect(violations.contains("the job has the key"))
    }

    private func suite(_ provider: any ImageTaskProvider.Type) throws -> ProviderConformance {
        ProviderConformance(provider, recordings: try recordings(of: "acme"))
    }
}

extension TransportRequest {
    /// What stands in the body.
    fileprivate var text: ByteBuffer {
        guard case .bytes(let buffers) = body else { return ByteBuffer() }
        return buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }
}

/// The vendor of the guide with a mistake in what it sends.
private struct ClumsyAcme: ImageTaskProvider {
    @TaskLocal static var mistake: Int?
    static let descriptor = AcmeProvider.descriptor
    let inner: AcmeProvider

    init(settings: ProviderSettings, transport: any HTTPTransport) {
        inner = AcmeProvider(settings: settings, transport: Clumsy(inner: transport))
    }

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        var call = call
        var request = TransportRequest(.get, "")
        if let mistake = Self.mistake, mistake <= 3 { ConformanceEditTests.mistakes[mistake].change(&call, &request) }
        return try await inner.submit(call, key: key)
    }

    func models(key: Secret) async throws(ProviderError) -> [String] { try await inner.models(key: key) }

    private struct Clumsy: HTTPTransport {
        let inner: any HTTPTransport

        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            var call = ProviderCall(model: "", prompt: "")
            var request = request
            if let mistake = ClumsyAcme.mistake, mistake > 3 {
                ConformanceEditTests.mistakes[mistake].change(&call, &request)
            }
            return try await inner.send(request)
        }

        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            try await inner.open(request)
        }
    }
}

/// A vendor whose jobs keep the key, forget their names, and never end.
private struct ForgetfulJobs: ImageTaskProvider {
    static let descriptor = JobVendor.descriptor

    init(settings: ProviderSettings, transport: any HTTPTransport) {}

    func submit(_ call: ProviderCall, key: Secret) async throws(ProviderError) -> ProviderProgress {
        .waiting(ProviderJob(id: key.withPlaintext { $0 }))
    }

    func poll(_ job: ProviderJob, key: Secret) async throws(ProviderError) -> ProviderProgress {
        .waiting(ProviderJob(id: job.id + "2"))
    }

    func models(key: Secret) async throws(ProviderError) -> [String] { [] }
}

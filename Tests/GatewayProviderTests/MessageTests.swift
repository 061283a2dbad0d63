// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayProviders
import GatewayTesting
import Testing

/// What callers are told, by every vendor, in every recording there is.
@Suite struct MessageTests {
    private static let key = "sk-0123456789abcdef"
    private static let host = "vendor.example"

    /// The folders of recordings: a new vendor's is found by itself.
    private static let kinds: [String] = {
        let folder = Bundle.module.resourceURL?.appending(path: "Recordings").path ?? ""
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        // The guide's example is no vendor of the catalog.
        return names.filter { !$0.hasPrefix(".") && $0 != "acme" }.sorted()
    }()

    /// What no caller may read: whose service it is, and where.
    private static let forbidden: Set<String> = {
        let descriptors = ProviderCatalog.all.map { $0.descriptor }
        let words = descriptors.flatMap { descriptor in
            [descriptor.kind, host(of: descriptor.defaultBaseURL)]
                + descriptor.title.split(separator: " ").map(String.init)
        }
        let known = ["gemini", "google", "imagen", "hingnet", "aitoearn", "googleapis", "nano banana", "vertex"]
        return Set((words + known + [key, host, "https://", "http://"]).map { $0.lowercased() })
    }()

    @Test func `every vendor has recordings, and every recording a vendor`() {
        #expect(Self.kinds == ProviderCatalog.all.map { $0.descriptor.kind }.sorted())
    }

    @Test(arguments: kinds)
    func `no message says who was asked, where, or with which key`(kind: String) async throws {
        let provider = try #require(ProviderCatalog.all.first { $0.descriptor.kind == kind })
        var errors = 0
        for (name, recording) in try recordings(of: kind) where name != "models" {
            let (told, error) = await Self.told(recording, provider)
            errors += error == nil ? 0 : 1
            for sentence in told {
                let found = Self.forbidden.filter { sentence.lowercased().contains($0) }
                #expect(found.isEmpty, "\(name): \(sentence)")
                #expect(!sentence.isEmpty && sentence.count <= 500, "\(name)")
            }
            if let error {
                // The mirror of an error is what a careless log line prints.
                #expect(!String(reflecting: error).contains(Self.key), "\(name)")
                #expect(!(error.detail ?? "").contains(recording.call?.prompt ?? "A red fox in the snow"), "\(name)")
            }
        }
        #expect(errors >= 10)
    }

    @Test(arguments: kinds)
    func `a refusal is one, and final`(kind: String) async throws {
        let provider = try #require(ProviderCatalog.all.first { $0.descriptor.kind == kind })
        var refusals = 0
        for (name, recording) in try recordings(of: kind) where name != "models" {
            guard let error = await Self.told(recording, provider).error else { continue }
            #expect((error.code == .refused) == (error.outcome == .refused), "\(name)")
            guard error.code == .refused else { continue }
            refusals += 1
            #expect(error.recovery == .report, "\(name)")
            #expect(error.consequence == nil, "\(name)")
        }
        #expect(refusals > 0)
    }

    // MARK: Helpers

    private static func told(
        _ recording: Recording,
        _ provider: any ImageTaskProvider.Type
    ) async -> (sentences: [String], error: ProviderError?) {
        let transport = ReplayTransport(recording.exchanges.map(\.answer))
        let settings = ProviderSettings(name: "v", baseURL: "https://\(host)", timeout: .seconds(60))
        let adapter = provider.init(settings: settings, transport: transport)
        let model = provider.descriptor.models.first?.id ?? "model"
        let call = recording.call ?? ProviderCall(model: model, prompt: "A red fox in the snow")
        do throws(ProviderError) {
            let progress: ProviderProgress
            if let job = recording.job {
                progress = try await adapter.poll(job, key: Secret(key))
            } else {
                progress = try await adapter.submit(call, key: Secret(key))
            }
            guard case .done(let result) = progress else { return ([], nil) }
            return (result.missing, nil)
        } catch {
            return ([error.message], error)
        }
    }

    private static func host(of address: String) -> String {
        String(address.drop { $0 != ":" }.drop { ":/".contains($0) }.prefix { $0 != "/" && $0 != ":" })
    }
}

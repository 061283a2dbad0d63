// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEngine
import HTTPTypes
import NIOCore

extension Gateway {
    /// One thing that was tried, and how it went.
    public struct CheckResult: Sendable {
        /// What was tried.
        public var name: String
        /// What is wrong, in one sentence; `nil` if it works.
        public var mistake: String?
        /// What there is to know when it works.
        public var detail: String

        /// Creates a result.
        public init(name: String, mistake: String?, detail: String) {
            self.name = name
            self.mistake = mistake
            self.detail = detail
        }
    }

    /// Writes, signs, fetches, compares and deletes a small object, as a picture would be.
    public func checkStorage() async -> CheckResult {
        if case .none = configuration.storage {
            return CheckResult(name: "storage", mistake: nil, detail: "none: only synchronous b64_json works")
        }
        let text = ByteBuffer(string: "image-gateway check \(node)")
        do {
            guard let key = ObjectKey("check/\(node).txt") else {
                return CheckResult(name: "storage", mistake: "The test object has no valid name.", detail: "")
            }
            try await objects.put(ObjectBody(contentType: "text/plain", buffers: [text]), at: key)
            let fetched = try await fetch(key)
            try await objects.delete(key)
            guard fetched == text else {
                return CheckResult(name: "storage", mistake: "What was fetched is not what was written.", detail: "")
            }
            return CheckResult(
                name: "storage",
                mistake: nil,
                detail: "wrote, signed, fetched and deleted a test object"
            )
        } catch let error as ObjectError {
            return CheckResult(name: "storage", mistake: error.message, detail: "")
        } catch {
            return CheckResult(name: "storage", mistake: "The link could not be fetched: \(error)", detail: "")
        }
    }

    /// Fetches by the signed link; from the local store without the server, which need not run.
    private func fetch(_ key: ObjectKey) async throws -> ByteBuffer {
        let link = try objects.link(to: key, signedAt: SystemTime().now, lifetime: configuration.linkLifetime)
        if let files {
            let parts = link.split(separator: "?", maxSplits: 1)
            let path = parts[0].dropFirst(configuration.server.linkBase.count + "/files/".count)
            let query = parts.count > 1 ? String(parts[1]) : ""
            let file = try await files.open(path: String(path), query: query, now: SystemTime().now)
            return try await file.read(0, file.length)
        }
        let response = try await transport.send(TransportRequest(.get, link, isRepeatable: true))
        guard response.status == 200 else {
            throw ObjectError(
                .denied,
                isTemporary: false,
                "The signed link answered \(response.status): check region, clock and permission to read."
            )
        }
        return response.body
    }

    /// Asks each provider for its models, with each of its keys.
    public func checkProviders() async -> [CheckResult] {
        var results: [CheckResult] = []
        for provider in providers {
            for (place, key) in provider.keys.enumerated() {
                let name = provider.keys.count > 1 ? "\(provider.name) (key \(place + 1), \(key.id))" : provider.name
                results.append(await check(provider, key.secret, name: "provider \(name)"))
            }
        }
        return results
    }

    private func check(_ provider: EngineProvider, _ key: Secret, name: String) async -> CheckResult {
        do throws(ProviderError) {
            let models = try await provider.adapter.models(key: key)
            return CheckResult(
                name: name,
                mistake: nil,
                detail: models.count == 1 ? "1 model" : "\(models.count) models"
            )
        } catch {
            return CheckResult(name: name, mistake: error.message, detail: "")
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The pictures of a portion, and what the row will say about them.
struct CheckedPortion: Sendable {
    var index: Int
    /// Those that are in memory.
    var pictures: [CheckedPicture] = []
    /// Those that are still at the vendor: what was said about the work is in the row already.
    var remote: RemotePictures?
    var usage: Usage?
    var warnings: [String] = []

    /// How many there are.
    var count: Int { (remote?.urls.count ?? 0) + pictures.count }
}

/// Pictures that cannot be had, those that were made or those to draw from: the end of their portion, not of the whole
/// task.
struct LostPictures: Error {
    var failure: TaskFailure
}

extension TaskFailure {
    /// What the caller is told when some pictures of a portion were made and cannot be had.
    func warning(about missing: Int, of count: Int) -> String {
        "\(missing) of \(count) pictures were made and are lost: \(message)"
    }
}

extension PortionRun {
    /// Takes what a vendor delivered: pictures that can be used, or addresses of such.
    func take(_ result: ProviderResult, _ fit: Fit) async throws -> CheckedPortion {
        let images = result.images.prefix(fit.fit.call.count)
        let urls = images.compactMap { image -> String? in
            guard case .url(let url) = image else { return nil }
            return url
        }
        // Pictures in the answer itself are there; of a mixture the rest is not worth another round.
        guard !urls.isEmpty, urls.count == images.count else { return try await check(result, fit) }
        let remote = RemotePictures(
            urls: urls,
            revisedPrompt: result.revisedPrompt,
            told: fit.fit.adjusted,
            provider: fit.candidate.provider
        )
        // From here on the vendor is done: whatever happens on the way of the pictures leads to no other purchase.
        try await live.insist([
            .generated(
                portion: index,
                urls: urls,
                revisedPrompt: result.revisedPrompt,
                usage: result.usage,
                warnings: shortage(of: urls.count, result, fit)
            )
        ])
        return CheckedPortion(index: index, remote: remote)
    }

    /// The pictures of which an earlier process, or this one, knows the addresses.
    var remote: RemotePictures? {
        let task = live.task
        guard case .fetching(let attempt, let urls, let revisedPrompt) = task.portions[index].stage else { return nil }
        return RemotePictures(
            urls: urls,
            revisedPrompt: revisedPrompt,
            told: fit(of: task.attempts[attempt])?.fit.adjusted ?? [],
            provider: task.attempts[attempt].provider
        )
    }

    /// The portion with its pictures in memory where a caller waits for them; for a link they stay at the vendor until
    /// they are passed on to the store.
    func collected(_ portion: CheckedPortion) async throws -> CheckedPortion {
        guard !live.task.needsLink, let remote = portion.remote else { return portion }
        var portion = portion
        portion.remote = nil
        var failures: [TaskFailure] = []
        for url in remote.urls {
            do {
                let picture = try await parts.fetcher.result(at: url, of: remote)
                portion.pictures.append(try await parts.finisher.finished(picture, for: live.task.request))
            } catch let failure as TaskFailure {
                failures.append(failure)
            }
        }
        portion.warnings = live.task.request.deviations(in: portion.pictures.map(\.header), told: remote.told)
        if let first = failures.first {
            if portion.pictures.isEmpty { throw LostPictures(failure: first) }
            portion.warnings.append(first.warning(about: failures.count, of: remote.urls.count))
        }
        return portion
    }

    /// Takes the pictures that can be used; the others are said to be missing.
    private func check(_ result: ProviderResult, _ fit: Fit) async throws -> CheckedPortion {
        var pictures: [CheckedPicture] = []
        var damage: ProviderError?
        for image in result.images.prefix(fit.fit.call.count) {
            do throws(ProviderError) {
                pictures.append(try CheckedPicture(image, revisedPrompt: result.revisedPrompt))
            } catch {
                damage = error
            }
        }
        guard !pictures.isEmpty else { throw damage ?? ProviderError(.noImage, "The answer has no picture.") }
        for place in pictures.indices {
            pictures[place] = try await parts.finisher.finished(pictures[place], for: live.task.request)
        }
        var warnings = live.task.request.deviations(in: pictures.map(\.header), told: fit.fit.adjusted)
        warnings += shortage(of: pictures.count, result, fit, hasDamage: damage != nil)
        return CheckedPortion(index: index, pictures: pictures, usage: result.usage, warnings: warnings)
    }

    /// What the caller is told when there are fewer pictures than asked for.
    private func shortage(of count: Int, _ result: ProviderResult, _ fit: Fit, hasDamage: Bool = false) -> [String] {
        guard count < fit.fit.call.count, result.missing.isEmpty || hasDamage else { return result.missing }
        return result.missing + ["A call for \(fit.fit.call.count) pictures gave \(count) that can be used."]
    }
}

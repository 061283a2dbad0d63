// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension ProviderConformance {
    var jobMistakes: [String] {
        get async {
            guard provider.descriptor.hasJobs else { return [] }
            guard let success = recordings["success"], let pending = recordings["poll_pending"],
                let done = recordings["poll_success"]
            else { return ["a recording of a job is missing"] }
            guard case .success(.waiting(let job)) = await run(success).result else { return ["it gives no job"] }
            var sentences: [String] = []
            if job.id.isEmpty { sentences.append("the job has no name") }
            guard let row = try? JSONEncoder().encode(job), let job = Self.same(job, in: row) else {
                return sentences + ["the job does not survive being written down"]
            }
            if String(decoding: row, as: UTF8.self).contains(Self.key) { sentences.append("the job has the key") }
            // Each run has a new adapter, as another process has.
            for recording in [pending, done, done] {
                let run = await run(recording.call ?? plainCall, job: job, answers: recording.exchanges.map(\.answer))
                sentences += Self.mistakes(in: run, of: recording, job)
            }
            sentences += await lostPolls(job)
            return sentences
        }
    }

    private static func same(_ job: ProviderJob, in row: Data) -> ProviderJob? {
        let read = try? JSONDecoder().decode(ProviderJob.self, from: row)
        return read == job ? read : nil
    }

    private static func mistakes(in run: Run, of recording: Recording, _ job: ProviderJob) -> [String] {
        var sentences: [String] = []
        switch run.result {
        case .failure(let error): sentences.append("it fails: \(error.message)")
        case .success(.waiting(let next)):
            if recording.name != "poll_pending" { sentences.append("a finished job is still waited for") }
            if next.id != job.id { sentences.append("the job changes its name") }
        case .success(.done(let result)):
            if recording.name == "poll_pending" { sentences.append("an unfinished job is taken for a finished one") }
            if result.images.isEmpty { sentences.append("it gives no pictures") }
        }
        if run.sent.isEmpty { sentences.append("nothing is asked") }
        if run.sent.contains(where: { !$0.request.isRepeatable }) { sentences.append("it may not be asked again") }
        return sentences.map { "\(recording.name): \($0)" }
    }

    /// A question without an answer costs nothing, and nothing about the purchase is lost.
    private func lostPolls(_ job: ProviderJob) async -> [String] {
        let lost = TransportError(.timedOut, mayHaveArrived: true, "The script's failure.")
        let run = await run(plainCall, job: job, answers: [.failure(lost)])
        guard let error = run.error else { return ["a poll without an answer is taken for one"] }
        return error.outcome == .unknown ? ["a poll without an answer is taken for a lost purchase"] : []
    }

    /// Successes, with members in every object that no description has.
    var disturbedAnswers: [String] {
        get async {
            var sentences: [String] = []
            for recording in conversations {
                guard case .success(let progress) = await run(recording).result else { continue }
                let answers = recording.exchanges.map { Self.disturbed($0.answer) }
                guard case .success(let disturbed) = await run(recording, answers: answers).result,
                    Self.summary(progress) == Self.summary(disturbed)
                else {
                    sentences.append("\(recording.name): it is understood as something else")
                    continue
                }
            }
            return sentences
        }
    }

    private static func summary(_ progress: ProviderProgress) -> String {
        switch progress {
        case .waiting(let job): "waiting for \(job.id)"
        case .done(let result): "\(result.images.count) pictures, \(result.missing.count) missing"
        }
    }

    private static func disturbed(_ answer: ReplayTransport.Answer) -> ReplayTransport.Answer {
        guard case .response(var response) = answer, let body = try? JSON(reading: response.body) else { return answer }
        response.body = disturbed(body).encoded()
        return .response(response)
    }

    private static func disturbed(_ value: JSON) -> JSON {
        switch value {
        case .array(let elements): .array(elements.map(disturbed))
        case .object(let members):
            .object(
                [JSON.Member("a_new_member", ["of": [1, .null, "kind"]])]
                    + members.map { JSON.Member($0.name, disturbed($0.value)) }
            )
        case .null, .bool, .number, .string: value
        }
    }
}

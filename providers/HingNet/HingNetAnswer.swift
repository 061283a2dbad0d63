// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// An answer of status 200, taken apart: a task, pictures, or an error all the same.
struct HingNetAnswer {
    private let answer: JSON
    private let failure: (VendorAPI.Rejection) -> ProviderError

    /// The vendor advises to ask every 3 to 10 seconds.
    private static let firstPause = Duration.seconds(3)
    private static let pause = Duration.seconds(5)

    /// Looks at an answer.
    ///
    /// - Parameters:
    ///   - answer: The whole of it.
    ///   - failure: What an error means.
    init(_ answer: JSON, _ failure: @escaping (VendorAPI.Rejection) -> ProviderError) throws(ProviderError) {
        guard answer.members != nil else {
            throw ProviderError(.notUnderstood, Self.unreadable, detail: answer.kindName)
        }
        self.answer = answer
        self.failure = failure
    }

    // MARK: Tasks

    /// The task that was begun, or what became of it already.
    func beginning(of route: HingNetJob.Route) throws(ProviderError) -> ProviderProgress {
        try refuse(errorOf: answer["id"] == nil ? nil : answer["status"]?.string)
        guard let text = (answer["id"] ?? answer["task_id"])?.string else {
            // A brand without tasks behind the path may simply draw.
            return .done(try result())
        }
        guard let job = HingNetJob(text, on: route) else {
            throw ProviderError(.notUnderstood, Self.unreadable, detail: "a task id that cannot be used")
        }
        if answer["status"]?.string == nil { return .waiting(job.stored(pollAfter: Self.firstPause)) }
        return try progress(of: job, pause: Self.firstPause)
    }

    /// How far a task is.
    func progress(of job: HingNetJob) throws(ProviderError) -> ProviderProgress {
        try progress(of: job, pause: Self.pause)
    }

    private func progress(of job: HingNetJob, pause: Duration) throws(ProviderError) -> ProviderProgress {
        let status = answer["status"]?.string
        try refuse(errorOf: status)
        guard let status else { throw ProviderError(.notUnderstood, Self.unreadable, detail: "no status") }
        switch status.lowercased() {
        case "completed", "succeeded", "success": return .done(try result())
        case let word where Self.endings.contains(word): throw HingNetErrors.failed(HingNetFault(failed: answer, word))
        // Whatever else it is called, it is not over.
        default:
            guard answer["error"]?.members?.isEmpty ?? true else {
                throw HingNetErrors.failed(HingNetFault(failed: answer, status))
            }
            return .waiting(job.stored(pollAfter: pause))
        }
    }

    private static let endings: Set<String> = ["failed", "failure", "cancelled", "canceled", "expired", "timeout"]

    /// Throws what an `error` in the answer means, unless the answer is a task's own.
    private func refuse(errorOf status: String?) throws(ProviderError) {
        guard status == nil, let error = answer["error"] else { return }
        let code = error["code"]?.integer
        // Without a status of its own an error in a 200 is told by code and words only.
        throw failure(
            VendorAPI.Rejection(status: code.flatMap { (400..<600).contains($0) ? $0 : nil } ?? 200, body: answer)
        )
    }

    // MARK: Pictures

    /// The pictures of a call that waited for them, or a task it was turned into.
    func pictures(of route: HingNetJob.Route) throws(ProviderError) -> ProviderProgress {
        try refuse(errorOf: nil)
        if answer["data"] == nil, answer["status"]?.string != nil { return try beginning(of: route) }
        return .done(try result())
    }

    private func result() throws(ProviderError) -> ProviderResult {
        let items = answer["data"]?.array ?? []
        let images = items.compactMap(Self.picture)
        guard !images.isEmpty else { throw Self.withoutPicture(items) }
        return ProviderResult(
            images: images,
            revisedPrompt: items.lazy.compactMap { $0["revised_prompt"]?.beginning(4000) }.first { !$0.isEmpty },
            usage: Self.usage(answer["usage"])
        )
    }

    private static func picture(_ item: JSON) -> ImageSource? {
        if case .string(let text) = item["b64_json"], !text.isEmpty { return .base64(text.bytes) }
        guard let url = item["url"]?.string, url.utf8.count <= 8192, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let scheme = url.firstRange(of: "://").map({ url[..<$0.lowerBound].lowercased() }),
            scheme == "https" || scheme == "http"
        else { return nil }
        return .url(url)
    }

    /// The vendor says that it is done and gives nothing: paid for, as far as anybody knows.
    private static func withoutPicture(_ items: [JSON]) -> ProviderError {
        if items.contains(where: { $0["task_id"] != nil || $0["status"] != nil }) {
            return ProviderError(
                .outcomeUnknown,
                "The provider gave a receipt of somebody else's instead of a picture.",
                detail: "data has a task of another service"
            )
        }
        return ProviderError(
            .noImage,
            "The provider says that the picture is done, but gave none.",
            recovery: .report,
            outcome: .unknown,
            detail: "\(items.count) items without a picture"
        )
    }

    private static func usage(_ usage: JSON?) -> Usage? {
        guard let usage else { return nil }
        let input = count(usage["input_tokens"] ?? usage["prompt_tokens"])
        let output = count(usage["output_tokens"] ?? usage["completion_tokens"])
        let total = max(count(usage["total_tokens"]), input + output)
        guard total > 0 else { return nil }
        let details = usage["input_tokens_details"] ?? usage["prompt_tokens_details"]
        let images = min(count(details?["image_tokens"]), input)
        return Usage(
            inputTokens: input,
            inputTextTokens: details?["text_tokens"].map { min(count($0), input) } ?? input - images,
            inputImageTokens: images,
            outputTokens: output,
            totalTokens: total
        )
    }

    /// A count within reason: sums of these cannot overflow.
    private static func count(_ number: JSON?) -> Int {
        min(max(number?.integer ?? 0, 0), 1_000_000_000)
    }

    // MARK: Models

    /// The names in a list of models; none where the vendor gives none.
    func models(atMost limit: Int) throws(ProviderError) -> [String] {
        try refuse(errorOf: nil)
        let isList = answer.members?.contains { $0.name == "data" && ($0.value == .null || $0.value.array != nil) }
        guard isList == true else { throw ProviderError(.notUnderstood, Self.unreadable, detail: "no list of models") }
        return (answer["data"]?.array ?? []).prefix(limit).compactMap { model in
            model["id"]?.string.flatMap { (1...256).contains($0.utf8.count) ? $0 : nil }
        }
    }

    private static let unreadable = "The provider's answer cannot be read."
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What the vendor says of a task: its name, how far it is, where its pictures are.
struct AiToEarnResults: Sendable {
    private static let mostPictures = 16
    private static let longestAddress = 4096
    private static let sites = ["aitoearn.cn", "aitoearn.ai"]

    /// What older builds leave out of their addresses, without a slash at the end.
    let base: String

    init(settings: ProviderSettings) {
        let given = settings.resultBaseURL ?? Self.base(of: settings.baseURL)
        base = given.hasSuffix("/") ? String(given.dropLast()) : given
    }

    /// Each site has a host for its pictures; any other address is taken to have them itself.
    private static func base(of address: String) -> String {
        let parts = address.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let scheme = parts.first, let rest = parts.last else { return address }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let host = authority.prefix { $0 != ":" }.lowercased()
        if let site = sites.first(where: { host == $0 || host.hasSuffix(".\($0)") }) { return "https://assets.\(site)" }
        return "\(scheme)//\(authority)"
    }

    /// Whether a text can be a task's name, and so stand in a path: 24 hexadecimal digits.
    static func isTaskName(_ text: String) -> Bool {
        text.utf8.count == 24 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    /// The task that a submission has begun.
    static func job(_ data: JSON) throws(ProviderError) -> ProviderJob {
        guard let name = data["logId"]?.string, isTaskName(name) else {
            // Taken, and charged, and nobody can ask for it.
            throw ProviderError(
                .notUnderstood,
                "The provider took the request without a usable name for it.",
                recovery: .report,
                detail: data["logId"]?.beginning(100) ?? "no logId"
            )
        }
        return ProviderJob(id: name)
    }

    /// How far a task is; a state nobody has heard of is taken for work that goes on.
    func progress(of job: ProviderJob, _ data: JSON) throws(ProviderError) -> ProviderProgress {
        guard data.members != nil else {
            throw ProviderError(.notUnderstood, "The provider's answer cannot be read.", detail: data.kindName)
        }
        if let name = data["logId"]?.string, name.lowercased() != job.id.lowercased() {
            throw ProviderError(.notUnderstood, "The provider answered about another task.")
        }
        switch data["status"]?.beginning(100)?.lowercased() {
        case "success": return .done(try result(data))
        case "failed": throw AiToEarnReasons.error(of: data)
        default: return .waiting(job)
        }
    }

    // MARK: Pictures

    private func result(_ data: JSON) throws(ProviderError) -> ProviderResult {
        let items = Self.items(in: data).prefix(Self.mostPictures)
        let images = items.compactMap(picture)
        guard !images.isEmpty else {
            // Only failed tasks are refunded.
            throw ProviderError(
                .noImage,
                "The provider says that the picture is ready, and gives none.",
                outcome: .unknown,
                detail: "success with \(items.count) items"
            )
        }
        return ProviderResult(
            images: images,
            revisedPrompt: items.lazy.compactMap { $0["revised_prompt"]?.beginning(32_000) }.first { !$0.isEmpty },
            usage: Self.usage(data["response"]?["usage"])
        )
    }

    /// The list of pictures has had many names; the first one that holds any counts.
    private static func items(in data: JSON) -> [JSON] {
        let response = data["response"]
        let lists = [
            data["images"], data["list"], response?["list"], response?["images"], response?["image"],
            response?["imageUrl"], response?["data"],
        ]
        return lists.lazy.compactMap { $0 }.map { $0.array ?? [$0] }.first { !$0.isEmpty } ?? []
    }

    private func picture(_ item: JSON) -> ImageSource? {
        if case .string(let text) = item["b64_json"], !text.isEmpty { return .base64(text.bytes) }
        guard let text = (item["url"] ?? item).string else { return nil }
        return address(text).map { .url($0) }
    }

    /// The address of a picture, put together if only its path was given; `nil` for what is no address of the web.
    func address(_ text: String) -> String? {
        guard !text.isEmpty, text.utf8.count <= Self.longestAddress else { return nil }
        let text = Self.escaped(text)
        if let scheme = text.prefixMatch(of: /([A-Za-z][A-Za-z0-9+.\-]*):/) {
            return ["http", "https"].contains(scheme.1.lowercased()) ? text : nil
        }
        if text.hasPrefix("//") { return "https:\(text)" }
        return base + (text.hasPrefix("/") ? text : "/\(text)")
    }

    /// Escapes what cannot stand in an address; what is escaped already stays.
    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.reduce(into: "") { address, byte in
            if byte > 0x20, byte < 0x7F, !"\"<>\\^`{|}".utf8.contains(byte) {
                address.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                address.append("%")
                address.append(digits[Int(byte >> 4)])
                address.append(digits[Int(byte & 15)])
            }
        }
    }

    private static func usage(_ usage: JSON?) -> Usage? {
        guard let usage, usage["input_tokens"] != nil || usage["total_tokens"] != nil else { return nil }
        let input = count(usage["input_tokens"])
        let output = count(usage["output_tokens"])
        let details = usage["input_tokens_details"]
        return Usage(
            inputTokens: input,
            inputTextTokens: details.map { count($0["text_tokens"]) } ?? input,
            inputImageTokens: count(details?["image_tokens"]),
            outputTokens: output,
            totalTokens: usage["total_tokens"] == nil ? input + output : count(usage["total_tokens"])
        )
    }

    /// A count within reason: sums of these cannot overflow.
    private static func count(_ number: JSON?) -> Int {
        min(max(number?.integer ?? 0, 0), 1_000_000_000)
    }
}

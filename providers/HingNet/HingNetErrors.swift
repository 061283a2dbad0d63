// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What the vendor's errors mean: by their code, else by their words, else by the status.
///
/// The status comes last because it lies: an empty purse is a 401, 402, 403 or 429.
enum HingNetErrors {
    /// The cause of an error that says that no task can be begun here, and that none was.
    struct NoTasks: Error {}

    /// A key left alone longer than this would be missed.
    private static let longestDelay = Duration.seconds(60)

    static func error(_ fault: HingNetFault) -> ProviderError {
        byCode(fault) ?? byWords(fault) ?? (fault.isPassedOn ? passedOn(fault) : byStatus(fault))
    }

    /// What an error means that answers a question about a task: nothing about the task, unless it is said to be unknown.
    static func pollError(_ fault: HingNetFault) -> ProviderError {
        let error = error(fault)
        if [.credential, .outOfCredit, .rateLimited, .refused].contains(error.code) { return error }
        let isUnknown = fault.says("not found", "not exist", "no such", "不存在", "未找到")
        if [400, 404, 410, 422].contains(fault.status) || isUnknown {
            return fault.error(.jobNotFound, "The provider does not know the task.")
        }
        return overloaded(fault)
    }

    /// What it means that a task failed: it may be billed all the same, and why it failed is rarely told.
    static func failed(_ fault: HingNetFault) -> ProviderError {
        fault.isRefusal ? refused(fault) : fault.error(.failed, "The provider failed to draw the picture.")
    }

    // MARK: By code

    private static func byCode(_ fault: HingNetFault) -> ProviderError? {
        switch fault.code {
        case "insufficient_user_quota", "pre_consume_token_quota_failed", "insufficient_quota", "insufficient_balance":
            outOfCredit(fault)
        case "storage_not_configured":
            fault.error(
                .overloaded,
                "The provider has no storage for its pictures.",
                recovery: .failOver,
                cause: NoTasks()
            )
        case "image_url_not_available":
            fault.error(.outcomeUnknown, "The provider could not deliver the picture it may have made.")
        case "http_request_failed", "decode_response_failed":
            fault.error(.outcomeUnknown, "The provider lost the work on its way; it may have been done all the same.")
        case "new_request_failed", "get_user_quota_failed", "decrease_user_quota_failed": overloaded(fault)
        case "model_group_all_unavailable": noRoute(fault)
        case "no_image_generated":
            fault.error(.noImage, "The model gave no picture.", recovery: .retry(1, thenFailOver: true))
        case "channel_error":
            fault.error(.modelUnavailable, "The provider cannot do this with the model.")
        case "model_not_found":
            fault.error(.modelUnavailable, "The provider does not offer this model.")
        case "token_error": fault.error(.invalidRequest, "The provider cannot read an input picture.")
        case "task_failed": failed(fault)
        default: nil
        }
    }

    // MARK: By words

    private static func byWords(_ fault: HingNetFault) -> ProviderError? {
        if fault.says(
            "额度已用尽",
            "额度不足",
            "余额不足",
            "欠费",
            "quota is not enough",
            "insufficient balance",
            "insufficient quota"
        ) {
            return outOfCredit(fault)
        }
        if fault.says("无效的令牌", "令牌不存在", "令牌已过期", "令牌状态不可用") { return credential(fault) }
        if fault.isRefusal { return refused(fault) }
        if fault.says("无可用渠道") {
            return fault.error(.modelUnavailable, "The provider does not offer this model to the gateway's account.")
        }
        if fault.says("上游负载已饱和", "速率达到上限") { return rateLimited(fault) }
        if fault.status == 404, fault.says("invalid url") { return unexpected(fault, cause: NoTasks()) }
        return nil
    }

    // MARK: By status

    private static func byStatus(_ fault: HingNetFault) -> ProviderError {
        switch fault.status {
        case 400: invalid(fault)
        case 401: credential(fault)
        case 402: outOfCredit(fault)
        // Without the vendor's envelope some box on the way may have said so; the key is not proved bad.
        case 403: credential(fault, consequence: fault.hasEnvelope ? nil : .coolDown(longestDelay))
        case 408: overloaded(fault)
        case 413: fault.error(.invalidRequest, "The request is larger than the provider takes.")
        case 422: fault.error(.invalidRequest, "The provider says that the request cannot be served.")
        case 429: rateLimited(fault)
        case 499, 504, 524: tookTooLong(fault)
        case 500...599: overloaded(fault)
        case 200..<300: unclear(fault)
        default: unexpected(fault)
        }
    }

    /// An error of somebody behind the vendor: their credentials and their money are the vendor's, not the gateway's.
    private static func passedOn(_ fault: HingNetFault) -> ProviderError {
        switch fault.statusPassedOn {
        case 400 where fault.says("api key", "location is not supported") || fault.param == "FAILED_PRECONDITION",
            401, 402, 403:
            overloaded(fault, recovery: .failOver)
        case 400, 422: invalid(fault)
        case 404: fault.error(.modelUnavailable, "The provider does not offer this model any more.")
        case 413: fault.error(.invalidRequest, "The request is larger than the provider takes.")
        case 429: rateLimited(fault)
        case 408, 499, 504, 524: tookTooLong(fault)
        case 500...599: overloaded(fault)
        default: byStatus(fault)
        }
    }

    private static func invalid(_ fault: HingNetFault) -> ProviderError {
        // One name may stand for models of different ability: the next call may meet another of them.
        let isByChance = fault.isCalled("invalid_request_error")
        return fault.error(
            .invalidRequest,
            "The provider says that the request is invalid.",
            recovery: isByChance ? .retry(1, thenFailOver: true) : .report
        )
    }

    // MARK: Meanings

    private static func refused(_ fault: HingNetFault) -> ProviderError {
        fault.error(.refused, "The request is against the provider's content policy.")
    }

    private static func credential(
        _ fault: HingNetFault,
        consequence: ProviderError.Consequence? = nil
    ) -> ProviderError {
        fault.error(
            .credential,
            "The provider does not accept the gateway's credentials.",
            consequence: consequence
        )
    }

    private static func outOfCredit(_ fault: HingNetFault) -> ProviderError {
        fault.error(.outOfCredit, "The gateway's account at the provider has no credit or quota left.")
    }

    private static func rateLimited(_ fault: HingNetFault) -> ProviderError {
        let delay = delay(fault) ?? .seconds(2)
        return fault.error(
            .rateLimited,
            "The provider limits the gateway's calls.",
            recovery: .retry(1, after: delay, thenFailOver: true),
            consequence: .coolDown(delay)
        )
    }

    /// Nobody behind the vendor took the call: nothing ran, and it may stay so for a while.
    private static func noRoute(_ fault: HingNetFault) -> ProviderError {
        if fault.status == 429 { return rateLimited(fault) }
        var error = overloaded(fault)
        error.consequence = .coolDown(delay(fault) ?? .seconds(10))
        return error
    }

    private static func overloaded(_ fault: HingNetFault, recovery: ProviderError.Recovery? = nil) -> ProviderError {
        fault.error(
            .overloaded,
            "The provider is overloaded or out of order.",
            recovery: recovery ?? .retry(1, after: delay(fault) ?? .seconds(2), thenFailOver: true)
        )
    }

    private static func tookTooLong(_ fault: HingNetFault) -> ProviderError {
        fault.error(.outcomeUnknown, "The provider took too long; it may have done the work all the same.")
    }

    /// An answer that is not in the vendor's manner, from a front end or a wrong address: it did nothing.
    private static func unexpected(_ fault: HingNetFault, cause: (any Error)? = nil) -> ProviderError {
        let message = "The provider's address answered in an unexpected way (HTTP \(fault.status))."
        return fault.error(.notUnderstood, message, recovery: .failOver, outcome: .rejected, cause: cause)
    }

    /// An error in an answer of success that says neither what nor why: anything may have happened.
    private static func unclear(_ fault: HingNetFault) -> ProviderError {
        fault.error(.notUnderstood, "The provider's answer cannot be understood.", recovery: .report)
    }

    private static func delay(_ fault: HingNetFault) -> Duration? {
        fault.delay.map { min(max($0, .seconds(1)), longestDelay) }
    }
}

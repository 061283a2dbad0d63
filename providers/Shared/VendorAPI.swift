// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// One JSON call to a vendor, with every failure mapped.
///
/// A vendor's file says which header carries the key and what the vendor's errors mean; whether a call may be repeated,
/// what it may cost and what a lost answer means is decided here, once.
struct VendorAPI: Sendable {
    /// An answer that is no success, as far as it could be read.
    struct Rejection: Sendable {
        var status: Int
        var headers: HTTPFields = [:]
        /// The body, if it was JSON.
        var body: JSON?
    }

    /// What a call is for, which decides what a lost answer costs.
    private enum Purpose {
        case purchase, question
    }

    /// Several full-size drafts may stand in one answer, each some ten megabytes of base64.
    static let answerLimit = 128 << 20
    private static let questionLimit = 8 << 20

    let settings: ProviderSettings
    let transport: any HTTPTransport
    /// The one header in which the key travels.
    let keyHeader: String
    /// What stands there in front of it: `Bearer `.
    var keyPrefix = ""
    /// What a rejection means.
    let failure: @Sendable (Rejection) -> ProviderError

    /// What a call sends.
    struct Payload: Sendable {
        var contentType: String
        var buffers: [ByteBuffer]

        static func json(_ body: JSON) -> Payload {
            Payload(contentType: "application/json", buffers: [body.encoded()])
        }
    }

    /// Makes a call that may be billed: sent once, never repeated by the transport.
    ///
    /// - Parameters:
    ///   - path: What follows the base URL, escaped.
    ///   - payload: What to send.
    ///   - timeout: The limit of the call, if it is another than the provider's.
    ///   - key: The credential.
    ///   - prompt: The caller's words, which may not reach a log by way of an error.
    ///   - read: Takes the answer apart.
    /// - Returns: What `read` made of the answer.
    /// - Throws: Every failure as a `ProviderError`; what `read` throws passes through.
    func buy<Answer>(
        _ path: String,
        _ payload: Payload,
        within timeout: Duration? = nil,
        key: Secret,
        prompt: String,
        read: (JSON) throws(ProviderError) -> Answer
    ) async throws(ProviderError) -> Answer {
        var request = request(.post, path, within: timeout, key: key, answerLimit: Self.answerLimit)
        request.headers[.contentType] = payload.contentType
        request.body = .bytes(payload.buffers)
        do throws(ProviderError) {
            return try await exchange(request, .purchase, read)
        } catch {
            throw error.withoutTraces(of: key, prompt)
        }
    }

    /// Asks something that costs nothing and may be asked again.
    ///
    /// A list that everybody may read is asked for without a key.
    func ask<Answer>(
        _ path: String,
        within timeout: Duration? = nil,
        key: Secret?,
        read: (JSON) throws(ProviderError) -> Answer
    ) async throws(ProviderError) -> Answer {
        var request = request(.get, path, within: timeout, key: key, answerLimit: Self.questionLimit)
        request.isRepeatable = true
        do throws(ProviderError) {
            return try await exchange(request, .question, read)
        } catch {
            throw Self.freeOfCharge(error).withoutTraces(of: key ?? Secret(""), "")
        }
    }

    /// Asks how far work is that was bought before; the answer may be as large as the pictures in it.
    ///
    /// Such a failure may tell what became of the purchase, so its outcome stands, unlike that of a mere question.
    func follow<Answer>(
        _ path: String,
        within timeout: Duration? = nil,
        key: Secret,
        read: (JSON) throws(ProviderError) -> Answer
    ) async throws(ProviderError) -> Answer {
        var request = request(.get, path, within: timeout, key: key, answerLimit: Self.answerLimit)
        request.isRepeatable = true
        do throws(ProviderError) {
            return try await exchange(request, .question, read)
        } catch {
            throw error.withoutTraces(of: key, "")
        }
    }

    private func request(
        _ method: HTTPRequest.Method,
        _ path: String,
        within timeout: Duration?,
        key: Secret?,
        answerLimit: Int
    ) -> TransportRequest {
        let timeout = min(timeout ?? settings.timeout, settings.timeout)
        var headers: HTTPFields = [.accept: "application/json"]
        if let key, let name = HTTPField.Name(keyHeader) { headers[name] = keyPrefix + key.withPlaintext { $0 } }
        let limits = TransportLimits(
            connect: min(.seconds(10), timeout),
            firstByte: timeout,
            total: timeout,
            stall: min(.seconds(60), timeout),
            responseBytes: answerLimit
        )
        return TransportRequest(method, settings.baseURL + path, headers: headers, limits: limits)
    }

    private func exchange<Answer>(
        _ request: TransportRequest,
        _ purpose: Purpose,
        _ read: (JSON) throws(ProviderError) -> Answer
    ) async throws(ProviderError) -> Answer {
        let response: TransportResponse
        do throws(TransportError) {
            response = try await transport.send(request)
        } catch {
            throw Self.noAnswer(error, to: purpose)
        }
        let isSuccess = (200..<300).contains(response.status)
        let body: JSON
        do throws(JSONError) {
            body = try JSON(reading: response.body)
        } catch {
            guard isSuccess else { throw failure(Rejection(status: response.status, headers: response.headers)) }
            throw ProviderError(
                .notUnderstood,
                "The provider's answer cannot be read.",
                detail: "\(error.message) (byte \(error.offset) of \(response.body.readableBytes))",
                cause: error
            )
        }
        guard isSuccess else {
            throw failure(Rejection(status: response.status, headers: response.headers, body: body))
        }
        return try read(body)
    }

    private static func noAnswer(_ error: TransportError, to purpose: Purpose) -> ProviderError {
        if error.code == .cancelled, !error.mayHaveArrived || purpose == .question {
            // Nobody waits for it any more, so no other provider shall be asked either.
            let message = "The call was cancelled before the provider had it."
            return ProviderError(.unreachable, message, recovery: .report, detail: error.message, cause: error)
        }
        guard error.mayHaveArrived, purpose == .purchase else {
            return ProviderError(
                .unreachable,
                "The provider could not be reached.",
                detail: error.message,
                cause: error
            )
        }
        let message =
            switch error.code {
            case .timedOut: "The provider did not answer in time; it may have done the work all the same."
            case .tooLarge: "The provider's answer is larger than \(answerLimit >> 20) MiB, which is the limit."
            case .cancelled: "The call was cancelled after it had been sent."
            default: "The connection to the provider was lost after the request had been sent."
            }
        return ProviderError(.outcomeUnknown, message, detail: error.message, cause: error)
    }

    /// A question buys nothing, so nothing about it can be unknown.
    private static func freeOfCharge(_ error: ProviderError) -> ProviderError {
        guard error.outcome == .unknown else { return error }
        let code = error.code == .outcomeUnknown ? ProviderError.Code.overloaded : error.code
        return ProviderError(
            code,
            code == .overloaded ? "The provider did not answer in time." : error.message,
            outcome: .rejected,
            detail: error.detail,
            cause: error.cause
        )
    }
}

extension ProviderError {
    /// The same error, with key and prompt taken out of the vendor's own words, and the key out of the model's.
    fileprivate func withoutTraces(of key: Secret, _ prompt: String) -> ProviderError {
        let key = key.withPlaintext { $0 }
        var error = self
        error.message = Self.redacted(message, key)
        error.detail = detail.map { Self.redacted(Self.redacted($0, key), prompt) }
        return error
    }

    private static func redacted(_ text: String, _ word: String) -> String {
        guard word.count > 2 else { return text }
        let text = text.replacing(word, with: "<redacted>")
        // A detail was cut to length: the word may have lost its end there.
        let cut = stride(from: min(word.count, text.count), to: 3, by: -1).first { text.hasSuffix(word.prefix($0)) }
        return cut.map { text.dropLast($0) + "<redacted>" } ?? text
    }
}

extension JSON {
    /// The beginning of a string, at most `limit` bytes of it, with whatever is not UTF-8 repaired.
    func beginning(_ limit: Int) -> String? {
        guard case .string(let text) = self else { return nil }
        return String(decoding: text.bytes.readableBytesView.prefix(limit), as: UTF8.self)
    }
}

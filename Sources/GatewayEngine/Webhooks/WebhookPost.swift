// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore

/// Makes one try: composes the message, signs it, sends it, and looks at the head of the answer.
struct WebhookPost: Sendable {
    let desk: WebhookDesk
    let objects: any ObjectStore
    let transport: any HTTPTransport
    let signer: any WebhookSigner
    let time: any TimeSource

    /// What a try gave.
    struct Answer: Sendable {
        /// The receiver's status, if it answered.
        var status: Int?
        /// What it wants to be left alone for.
        var retryAfter: String?
        /// Why there is no answer: a word.
        var error: String?
        /// Whether the configuration has to change before another try makes sense.
        var isHopeless = false
    }

    /// How much of an answer is read, so that the connection can be used again; its text is never looked at.
    private static let politeness = 16 << 10

    /// Sends a delivery.
    ///
    /// - Returns: What came back; `nil` if this process stopped it.
    func send(_ delivery: WebhookDelivery, of task: ImageTask) async -> Answer? {
        guard let (address, secrets) = destination(of: delivery, task) else {
            return Answer(error: delivery.target == .request ? "no_secret" : "endpoint_removed", isHopeless: true)
        }
        let place: FetchAddress
        do throws(FetchError) {
            place = try desk.place(of: address)
        } catch {
            return Answer(error: "address_refused")
        }
        guard let request = try? message(delivery, of: task, to: place, secrets) else {
            return Answer(error: "not_signed")
        }
        do throws(TransportError) {
            let stream = try await transport.open(request)
            let answer = Answer(status: stream.status, retryAfter: stream.headers[.retryAfter])
            await drain(stream)
            return answer
        } catch {
            return error.code == .cancelled || error.code == .closed ? nil : Answer(error: error.code.word)
        }
    }

    private func destination(
        of delivery: WebhookDelivery,
        _ task: ImageTask
    ) -> (WebhookAddress, [WebhookSecret])? {
        switch delivery.target {
        case .request:
            guard let address = task.request.webhookAddress, !desk.settings.secrets.isEmpty else { return nil }
            return (address, desk.settings.secrets)
        case .endpoint(let name):
            return desk.settings.endpoints.first { $0.name == name }.map { ($0.address, $0.secrets) }
        }
    }

    private func message(
        _ delivery: WebhookDelivery,
        of task: ImageTask,
        to place: FetchAddress,
        _ secrets: [WebhookSecret]
    ) throws -> TransportRequest {
        let now = time.now
        let view = try TaskView(objects: objects, now: now).json(task)
        let body = JSON.object([
            JSON.Member("type", JSON(delivery.event.rawValue)),
            JSON.Member("timestamp", JSON(CivilDate(delivery.createdAt).extended)),
            JSON.Member("data", view),
        ]).encoded()
        var headers: HTTPFields = [.contentType: "application/json", .userAgent: "ImageGateway"]
        let signature = try signer.signature(id: delivery.id, timestamp: now, body: body, secrets: secrets)
        for (name, value) in [
            ("webhook-id", delivery.id), ("webhook-timestamp", String(now.seconds)), ("webhook-signature", signature),
        ] {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        let limit = desk.settings.timeout
        return TransportRequest(
            .post,
            place.url,
            headers: headers,
            body: .bytes([body]),
            limits: TransportLimits(
                connect: min(limit, .seconds(10)),
                firstByte: limit,
                total: limit,
                stall: limit,
                // Counted here: what an answer says about its length does not matter.
                responseBytes: .max
            ),
            // Only for a kept connection that turns out to be dead; it is the same message with the same name.
            isRepeatable: true
        )
    }

    /// Reads a short answer to its end; a longer one ends with its connection.
    private func drain(_ stream: TransportStream) async {
        guard let length = stream.length, length <= Self.politeness else { return }
        do {
            for try await _ in stream.body {}
        } catch {
            // The verdict was in the head.
        }
    }
}

extension TransportError.Code {
    /// A word for the log of a delivery.
    fileprivate var word: String {
        switch self {
        case .invalidURL, .addressRefused: "address_refused"
        case .nameNotResolved: "name_not_resolved"
        case .notConnected: "not_connected"
        case .tls: "tls"
        case .timedOut: "timed_out"
        case .broken, .tooLarge, .bodyFailed, .cancelled, .closed: "connection_broken"
        }
    }
}

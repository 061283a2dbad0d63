// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Who signs webhooks: the only thing about them that needs cryptography.
public protocol WebhookSigner: Sendable {
    /// The value of `webhook-signature`: one signature for each secret, separated by spaces.
    ///
    /// - Parameters:
    ///   - id: The `webhook-id`.
    ///   - timestamp: The `webhook-timestamp`.
    ///   - body: The body as it is sent.
    ///   - secrets: The secrets, the present one first.
    func signature(id: String, timestamp: Timestamp, body: ByteBuffer, secrets: [WebhookSecret]) throws -> String
}

/// A key that webhooks are signed with, as the Standard Webhooks specification writes it: `whsec_` and base64.
public struct WebhookSecret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The bytes of the key.
    package let key: [UInt8]

    /// Reads a secret.
    ///
    /// - Throws: ``InvalidWebhookSecret`` unless it is `whsec_` and the base64 of 24 to 64 bytes.
    public init(_ secret: Secret) throws(InvalidWebhookSecret) {
        let text = secret.withPlaintext { $0 }
        guard text.hasPrefix("whsec_") else {
            throw InvalidWebhookSecret(message: "must begin with whsec_, as Standard Webhooks secrets do")
        }
        let encoded = ByteBuffer(string: String(text.dropFirst("whsec_".count)))
        guard Base64.isStandard(encoded), let bytes = Base64.decode(encoded) else {
            throw InvalidWebhookSecret(message: "must be whsec_ and standard base64")
        }
        key = Array(bytes.readableBytesView)
        guard (24...64).contains(key.count) else {
            throw InvalidWebhookSecret(
                message:
                    "must hold 24 to 64 bytes, not \(key.count); make one with: echo whsec_$(openssl rand -base64 32)"
            )
        }
    }

    /// Always `<redacted>`.
    public var description: String { "<redacted>" }

    /// Always empty.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What is wrong with a secret.
public struct InvalidWebhookSecret: Error, Sendable, Equatable {
    /// The rest of a sentence that begins with the name of the key; without the secret.
    public var message: String
}

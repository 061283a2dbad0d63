// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

package import GatewayCore
package import NIOCore

/// Signs webhooks as the Standard Webhooks specification wants it: `v1`, HMAC-SHA256.
package struct StandardWebhookSigner: WebhookSigner {
    package init() {}

    package func signature(
        id: String,
        timestamp: Timestamp,
        body: ByteBuffer,
        secrets: [WebhookSecret]
    ) throws -> String {
        let message = Array("\(id).\(timestamp.seconds).".utf8) + Array(body.readableBytesView)
        let signatures = try secrets.map { secret throws(ObjectError) in
            "v1,\(Digest.base64(try Digest.hmac(key: secret.key, message)))"
        }
        return signatures.joined(separator: " ")
    }
}

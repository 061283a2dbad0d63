// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

package import GatewayCore

/// A store that can tell why one of its links did not give the object.
package protocol LinkExplaining: Sendable {
    /// What is wrong with the answer to a link; `nil` if it gives the object.
    ///
    /// - Parameters:
    ///   - answer: What came back.
    ///   - asked: When the link was followed, by this machine's clock.
    func explanation(of answer: TransportResponse, asked: Timestamp) -> ObjectError?
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Pictures on their way to a waiting caller, and the finished task they belong to.
public struct Delivery: Sendable {
    /// The task in its final state.
    public var task: ImageTask
    /// The pictures, in order.
    public var pictures: [DeliveredPicture]

    /// Creates a delivery.
    public init(task: ImageTask, pictures: [DeliveredPicture]) {
        self.task = task
        self.pictures = pictures
    }
}

/// A picture in memory: base64 as it came, until somebody needs bytes.
public struct DeliveredPicture: Sendable {
    /// The picture in standard base64 without line breaks.
    public var base64: ByteBuffer
    /// The prompt as the vendor rewrote it.
    public var revisedPrompt: String?

    /// Creates a picture.
    public init(base64: ByteBuffer, revisedPrompt: String? = nil) {
        self.base64 = base64
        self.revisedPrompt = revisedPrompt
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A picture as a vendor delivered it, before anybody needed its bytes.
public enum ImageSource: Sendable {
    /// Base64 as it stood in the vendor's answer, a slice of the receive buffer.
    case base64(ByteBuffer)
    /// The picture's own bytes.
    case bytes(ByteBuffer)
    /// Where the picture can be fetched; untrusted, opened only behind the fetch guard.
    case url(String)
}

/// Tokens used, in the shape of the OpenAI answer.
public struct Usage: Sendable, Codable, Hashable {
    /// Tokens of prompt and input pictures.
    public var inputTokens: Int
    /// The text's share of the input.
    public var inputTextTokens: Int
    /// The pictures' share of the input.
    public var inputImageTokens: Int
    /// Tokens of the output, thinking included.
    public var outputTokens: Int
    /// All tokens that are billed.
    public var totalTokens: Int

    /// Creates a usage.
    public init(inputTokens: Int, inputTextTokens: Int, inputImageTokens: Int, outputTokens: Int, totalTokens: Int) {
        self.inputTokens = inputTokens
        self.inputTextTokens = inputTextTokens
        self.inputImageTokens = inputImageTokens
        self.outputTokens = outputTokens
        self.totalTokens = totalTokens
    }

    /// Both together.
    public static func + (left: Usage, right: Usage) -> Usage {
        Usage(
            inputTokens: left.inputTokens + right.inputTokens,
            inputTextTokens: left.inputTextTokens + right.inputTextTokens,
            inputImageTokens: left.inputImageTokens + right.inputImageTokens,
            outputTokens: left.outputTokens + right.outputTokens,
            totalTokens: left.totalTokens + right.totalTokens
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A picture that a caller gave to be edited, or as a mask: its bytes, and what they are.
public struct InputPicture: Sendable, Hashable {
    /// The file's bytes.
    public let bytes: ByteBuffer
    /// What the first of them tell.
    public let header: PictureHeader

    /// The largest picture that is taken for one, in pixels; what opens it later must not be bombed.
    public static let pixelLimit = 1 << 28

    /// Looks at a file; `nil` if it is no picture of a known format, or has more pixels than ``pixelLimit``.
    public init?(_ bytes: ByteBuffer) {
        guard let header = PictureHeader(bytes.readableBytesView),
            header.size.width * header.size.height <= Self.pixelLimit
        else { return nil }
        self.bytes = bytes
        self.header = header
    }
}

/// Where an input picture of an edit is: what a task's row keeps instead of the picture itself.
public enum InputImage: Sendable, Hashable, Codable {
    /// It came with the request, and lies in the object store at ``ObjectKey/input(of:place:format:)`` until the task is
    /// over; where there is no storage, only the process whose caller waits has it.
    case upload(PictureHeader, bytes: Int)
    /// The caller gave an address: untrusted, opened only behind the fetch guard, when the task runs.
    case url(String)
}

extension KeyedDecodingContainer {
    /// Rows that were written before there were inputs have none.
    func decode(_ type: [InputImage].Type, forKey key: Key) throws -> [InputImage] {
        try decodeIfPresent(type, forKey: key) ?? []
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Where pictures are kept: a bucket or a folder.
public protocol ObjectStore: Sendable {
    /// Stores an object under a key, replacing what was there; durable when it returns.
    ///
    /// - Parameters:
    ///   - object: The picture and what is said about it.
    ///   - key: Its name; unguessable names make overwriting a matter of retries only.
    func put(_ object: ObjectBody, at key: ObjectKey) async throws(ObjectError)

    /// Stores an object whose bytes come while they are stored, replacing what was there; durable when it returns.
    ///
    /// The bytes can be asked for only once: a failure is not repeated here but thrown, and nothing is left at the key
    /// but what was there before. A source that ends early, late or with an error is thrown as a temporary
    /// ``ObjectError/Code/incomplete``.
    ///
    /// - Parameters:
    ///   - object: The picture and what is said about it.
    ///   - key: Its name.
    func put(_ object: ObjectStream, at key: ObjectKey) async throws(ObjectError)

    /// Reads an object whole.
    ///
    /// - Parameters:
    ///   - key: Its name.
    ///   - limit: How many bytes it may have.
    /// - Throws: ``ObjectError`` with `notFound` for an object that is not there or larger than that.
    func get(_ key: ObjectKey, atMost limit: Int) async throws(ObjectError) -> ByteBuffer

    /// Deletes an object; an object that is not there is no error.
    ///
    /// - Parameter key: Its name.
    func delete(_ key: ObjectKey) async throws(ObjectError)

    /// Signs a link to an object. The same arguments give the same link.
    ///
    /// - Parameters:
    ///   - key: The object's name.
    ///   - signedAt: When its life begins.
    ///   - lifetime: How long it lives.
    func link(to key: ObjectKey, signedAt: Timestamp, lifetime: Duration) throws(ObjectError) -> String
}

/// An object on its way into a store.
public struct ObjectBody: Sendable {
    /// The media type it will be served as.
    public var contentType: String
    /// The bytes, one buffer after the other.
    public var buffers: [ByteBuffer]

    /// Creates a body.
    public init(contentType: String, buffers: [ByteBuffer]) {
        self.contentType = contentType
        self.buffers = buffers
    }

    /// Its length in bytes.
    public var length: Int { buffers.reduce(0) { $0 + $1.readableBytes } }
}

/// An object whose bytes are still on their way to this process.
public struct ObjectStream: Sendable {
    /// The media type it will be served as.
    public var contentType: String
    /// How many bytes it has.
    public var length: Int
    /// The bytes, to be read once.
    public var chunks: TransportChunks

    /// Creates a stream.
    public init(contentType: String, length: Int, chunks: TransportChunks) {
        self.contentType = contentType
        self.length = length
        self.chunks = chunks
    }
}

/// The name of an object, without the store's own prefix.
///
/// At most 900 bytes of `A-Z a-z 0-9 - _ . /`, no empty part, no part that begins with a dot.
public struct ObjectKey: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The whole name.
    public let description: String

    /// Reads a name; `nil` if it breaks the rules above.
    public init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard isPlain, text.utf8.count <= 900, parts.allSatisfy({ !$0.isEmpty && $0.first != "." }) else { return nil }
        description = text
    }

    /// The key of a task's picture: `2026/11/21/image_01KC…-0.png`, by the day the task was made.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - index: The picture's place in it.
    ///   - format: The picture's format.
    public static func picture(of task: ImageTask, index: Int, format: PictureFormat) -> ObjectKey {
        let day = CivilDate(task.createdAt)
        return ObjectKey(unchecked: "\(day.path)/\(task.id)-\(index).\(format.fileExtension)")
    }

    /// The key of a picture that came with a task's request: `inputs/2026/11/21/image_01KC…-0.png`.
    ///
    /// - Parameters:
    ///   - task: The task.
    ///   - place: The picture's place among the inputs; a mask comes behind the last.
    ///   - format: The picture's format.
    public static func input(of task: ImageTask, place: Int, format: PictureFormat) -> ObjectKey {
        let day = CivilDate(task.createdAt)
        return ObjectKey(unchecked: "inputs/\(day.path)/\(task.id)-\(place).\(format.fileExtension)")
    }

    private init(unchecked text: String) {
        description = text
    }
}

/// Why a store did not do what was asked.
public struct ObjectError: Error, Sendable {
    /// What happened.
    public var code: Code
    /// Whether the same call may succeed later without anybody changing anything.
    public var isTemporary: Bool
    /// One sentence for the operator, without keys and signatures.
    public var message: String
    /// The lower-level error.
    public var cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, isTemporary: Bool, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.isTemporary = isTemporary
        self.message = message
        self.cause = cause
    }

    /// What happened.
    public enum Code: String, Sendable {
        /// No such object.
        case notFound
        /// A link whose signature, path or time is not right.
        case forbidden
        /// Credentials, permission, region or clock are not accepted.
        case denied
        /// The bucket or folder is not there.
        case noBucket
        /// No space left.
        case full
        /// A stream that was to be stored ended early, late or with an error.
        case incomplete
        /// The store cannot be reached or is overloaded.
        case unavailable
        /// The store does not do what was asked, or is set up wrongly.
        case misconfigured
        /// No storage is configured.
        case none
    }
}

/// Files that a link of the gateway's own leads to.
public protocol LinkedFiles: Sendable {
    /// Opens the file of a signed link.
    ///
    /// - Parameters:
    ///   - path: The link's path behind `/files/`, as it was sent, still escaped.
    ///   - query: The link's query, still escaped.
    ///   - now: The present moment.
    /// - Throws: ``ObjectError`` with `forbidden` for a link that is not valid now, `notFound` for a file that is gone.
    func open(path: String, query: String, now: Timestamp) async throws(ObjectError) -> LinkedFile
}

/// A file that may be read.
public struct LinkedFile: Sendable {
    /// Its media type.
    public var contentType: String
    /// Its length in bytes.
    public var length: Int
    /// A strong entity tag, in quotes.
    public var entityTag: String
    /// When it was written.
    public var modified: Timestamp
    /// What a browser shall do with it, as `Content-Disposition` says it; `nil` to say nothing.
    public var disposition: String?
    /// Reads a part: at most `count` bytes from `offset` on.
    public var read: @Sendable (_ offset: Int, _ count: Int) async throws(ObjectError) -> ByteBuffer

    /// Creates a file.
    public init(
        contentType: String,
        length: Int,
        entityTag: String,
        modified: Timestamp,
        disposition: String? = nil,
        read: @escaping @Sendable (_ offset: Int, _ count: Int) async throws(ObjectError) -> ByteBuffer
    ) {
        self.contentType = contentType
        self.length = length
        self.entityTag = entityTag
        self.modified = modified
        self.disposition = disposition
        self.read = read
    }
}

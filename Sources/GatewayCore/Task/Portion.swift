// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// The share of a task's pictures that one vendor call makes.
///
/// A vendor that gives one picture for each call serves `n` of 4 in four portions; each fails over, retries and is
/// recovered on its own.
public struct Portion: Sendable, Codable, Hashable {
    /// How many pictures it shall give.
    public var count: Int
    /// How far it is.
    public var stage: Stage = .queued

    /// Creates a portion that waits to be submitted.
    public init(count: Int) {
        self.count = count
    }

    /// How far a portion is; what a restart needs to resume where it was.
    public enum Stage: Sendable, Codable, Hashable {
        /// Not sent, or sent in vain and free to be sent again.
        case queued
        /// An attempt is on its way: after a crash nobody knows whether it arrived.
        case submitting(attempt: Int)
        /// A vendor works on it: after a crash it is polled, never sent again.
        case waiting(attempt: Int, job: ProviderJob)
        /// The vendor is done, the pictures are being fetched: after a crash they are fetched again.
        case fetching(attempt: Int, urls: [String], revisedPrompt: String?)
        /// The pictures are in the object store.
        case stored([StoredPicture])
        /// The pictures went to the waiting caller and were not stored.
        case delivered([PictureHeader])
        /// It gave no picture.
        case failed(TaskFailure)

        /// Whether nothing more will happen.
        public var isFinal: Bool {
            switch self {
            case .stored, .delivered, .failed: true
            case .queued, .submitting, .waiting, .fetching: false
            }
        }

        /// The attempt that is under way.
        public var attempt: Int? {
            switch self {
            case .submitting(let attempt), .waiting(let attempt, _), .fetching(let attempt, _, _): attempt
            case .queued, .stored, .delivered, .failed: nil
            }
        }
    }
}

/// A picture in the object store.
public struct StoredPicture: Sendable, Codable, Hashable {
    /// Its key in the store.
    public var key: String
    /// What its first bytes told.
    public var header: PictureHeader
    /// Its length in bytes.
    public var bytes: Int
    /// The prompt as the vendor rewrote it.
    public var revisedPrompt: String?

    /// Creates a record.
    public init(key: String, header: PictureHeader, bytes: Int, revisedPrompt: String? = nil) {
        self.key = key
        self.header = header
        self.bytes = bytes
        self.revisedPrompt = revisedPrompt
    }
}

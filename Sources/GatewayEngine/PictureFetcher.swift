// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Logging
import NIOCore
import Synchronization

/// Where a vendor's pictures can be fetched.
struct RemotePictures: Sendable {
    var urls: [String]
    /// The prompt as the vendor rewrote it.
    var revisedPrompt: String?
    /// The request's members about which the task has a warning already.
    var told: Set<String> = []
    /// The operator's name of the provider that gave the addresses.
    var provider: String
    /// What keeps them from being stored.
    let trouble = KeepingTrouble()
}

/// Whether the last try to keep a picture failed at the storage, and not on the way from the vendor.
final class KeepingTrouble: Sendable {
    private let state = Mutex(false)

    var liesWithStorage: Bool {
        get { state.withLock(\.self) }
        set { state.withLock { $0 = newValue } }
    }
}

/// Fetches pictures from addresses that callers and vendors gave, again and again where there is sense in that.
struct PictureFetcher: Sendable {
    let doors: FetchDoors
    let workers: Slots
    let pool: ProviderPool
    let time: any TimeSource
    let logger: Logger

    init(_ doors: FetchDoors, workers: Slots, pool: ProviderPool, time: any TimeSource, logger: Logger) {
        self.doors = doors
        self.workers = workers
        self.pool = pool
        self.time = time
        self.logger = logger
    }

    /// Fetches a picture that a caller named.
    ///
    /// - Throws: ``TaskFailure`` that does not tell what is at the address.
    func input(at url: String) async throws -> ByteBuffer {
        var patience = Patience(tries: 3, hidesReasons: true)
        return try await trying(&patience) {
            try await doors.inputs.picture(url, atMost: doors.inputLimit)
        } failure: { error in
            error.inputFailure
        }
    }

    /// Opens a vendor's picture and does something with it; all of that again while it may still succeed, because the
    /// picture is paid for.
    ///
    /// - Parameters:
    ///   - url: The address.
    ///   - provider: Who gave it.
    ///   - use: What to do; throws `FetchError` for what happens on the way.
    func result<Value: Sendable>(
        at url: String,
        of provider: String,
        _ use: (PictureStream) async throws -> Value
    ) async throws -> Value {
        let isOwn = pool[provider]?.provider.allowsPrivateNetwork == true
        let way = isOwn ? doors.ownResults : doors.results
        var patience = Patience(tries: .max, hidesReasons: false)
        return try await trying(&patience) {
            let fetched = try await way.open(url)
            let stream = try await PictureStream(fetched, atMost: FetchDoors.resultLimit)
            return try await use(stream.wholeOnly(from: fetched.place))
        } failure: { error in
            switch error.code {
            case .tooLarge:
                TaskFailure(
                    .payloadTooLarge,
                    "The provider's picture is larger than \(FetchDoors.resultLimit >> 20) MiB."
                )
            case .invalidPicture:
                TaskFailure(.invalidImage, "What the provider delivered is no whole picture of a known kind.")
            default: TaskFailure(.upstreamError, "The picture was made, but could not be fetched from the provider.")
            }
        }
    }

    private func trying<Value: Sendable>(
        _ patience: inout Patience,
        _ work: () async throws -> Value,
        failure: (FetchError) -> TaskFailure
    ) async throws -> Value {
        while true {
            let error: FetchError
            do {
                return try await workers.withSlot { try await work() }
            } catch let caught as FetchError {
                error = caught
            }
            try Task.checkCancellation()
            logger.warning("A picture could not be fetched.", metadata: ["error": "\(error.detail)"])
            guard let delay = patience.delay(after: error) else { throw failure(error) }
            try await time.sleep(for: delay)
        }
    }

    /// How long to wait before the next try, as long as there is sense in one.
    struct Patience {
        private let tries: Int
        private let hidesReasons: Bool
        private var failures = 0
        private var denials = 0

        /// How often an address that is not there, or not allowed, is asked again: a store may need a moment to show what
        /// was put into it.
        private static let doubts = 3

        /// - Parameters:
        ///   - tries: How often to try at most.
        ///   - hidesReasons: Whether failures that a caller may not tell apart are tried alike: the time it takes would
        ///     tell what the words do not.
        init(tries: Int, hidesReasons: Bool) {
            self.tries = tries
            self.hidesReasons = hidesReasons
        }

        mutating func delay(after error: FetchError) -> Duration? {
            failures += 1
            guard failures < tries else { return nil }
            if error.code == .notFound || error.code == .denied {
                denials += 1
                return denials < Self.doubts ? .seconds(2 * denials) : nil
            }
            return error.isTemporary || hidesReasons && error.isOpaque
                ? min(.milliseconds(500) * (1 << min(failures - 1, 6)), .seconds(10)) : nil
        }
    }
}

extension PictureFetcher {
    /// Fetches a vendor's picture whole.
    func result(at url: String, of remote: RemotePictures) async throws -> CheckedPicture {
        try await result(at: url, of: remote.provider) { stream in
            try await stream.gathered().checked(remote)
        }
    }
}

extension ByteBuffer {
    /// A fetched picture, looked at as a whole.
    func checked(_ remote: RemotePictures) throws(FetchError) -> CheckedPicture {
        do throws(ProviderError) {
            return try CheckedPicture(.bytes(self), revisedPrompt: remote.revisedPrompt)
        } catch {
            throw FetchError(.invalidPicture, isTemporary: false, detail: error.message)
        }
    }
}

extension PictureStream {
    /// The whole picture, charged to the account of the current task's work.
    func gathered() async throws -> ByteBuffer {
        var bytes = ByteBuffer()
        for try await chunk in chunks {
            ByteBudget.Account.current?.charge(chunk.readableBytes)
            bytes.writeImmutableBuffer(chunk)
        }
        return bytes
    }
}

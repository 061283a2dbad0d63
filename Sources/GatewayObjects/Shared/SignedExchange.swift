// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Synchronization

/// Why a store did not do what was asked, and what helps.
struct RemoteFailure: Sendable {
    var error: ObjectError
    var remedy: Remedy

    enum Remedy: Sendable {
        /// Nothing: report it.
        case none
        /// The same again, a little later.
        case repetition
        /// The same again by the clock of the other side.
        case otherClock
    }
}

/// Sends requests that may be repeated, each try signed anew.
///
/// A signature carries the time: a try that waited must not carry the time of the one before.
struct SignedExchange: Sendable {
    /// What is waited before each repetition, shortened by chance by up to a half.
    private static let pauses: [Duration] = [.milliseconds(300), .seconds(1), .seconds(3)]

    let transport: any HTTPTransport
    let time: any TimeSource
    let clock = RemoteClock()

    /// Sends until it is done, or nothing helps any more.
    ///
    /// - Parameters:
    ///   - sign: Makes the request as of a moment.
    ///   - judge: Says what is wrong with an answer to a request of that moment; `nil` if it is the success.
    /// - Returns: The answer that is the success.
    /// - Throws: What the last try ended with.
    @discardableResult
    func run(
        _ sign: (Timestamp) throws(ObjectError) -> TransportRequest,
        judge: (TransportResponse, Timestamp) -> RemoteFailure?
    ) async throws(ObjectError) -> TransportResponse {
        var pauses = Self.pauses[...]
        var mayCorrectClock = true
        while true {
            let moment = clock.corrected(time.now)
            let failure: RemoteFailure
            switch await send(try sign(moment)) {
            case .failure(let error): failure = Self.failure(of: error)
            case .success(let response):
                guard let problem = judge(response, moment) else { return response }
                if case .otherClock = problem.remedy, mayCorrectClock, clock.follow(response, now: time.now) {
                    mayCorrectClock = false
                    continue
                }
                failure = problem
            }
            guard case .repetition = failure.remedy, let pause = pauses.popFirst() else { throw failure.error }
            do {
                try await time.sleep(for: pause * Double.random(in: 0.5...1))
            } catch {
                throw failure.error
            }
        }
    }

    /// Sends once: what a request carries can be asked for only once.
    ///
    /// A clock that differs is learned all the same, so that the same call made anew may succeed.
    func runOnce(
        _ sign: (Timestamp) throws(ObjectError) -> TransportRequest,
        judge: (TransportResponse, Timestamp) -> RemoteFailure?
    ) async throws(ObjectError) {
        let moment = clock.corrected(time.now)
        switch await send(try sign(moment)) {
        case .failure(let error): throw Self.failure(of: error).error
        case .success(let response):
            guard var problem = judge(response, moment) else { return }
            if case .otherClock = problem.remedy, clock.follow(response, now: time.now) {
                problem.error.isTemporary = true
            }
            throw problem.error
        }
    }

    private func send(_ request: TransportRequest) async -> Result<TransportResponse, TransportError> {
        do {
            return .success(try await transport.send(request))
        } catch {
            return .failure(error)
        }
    }

    private static func failure(of error: TransportError) -> RemoteFailure {
        switch error.code {
        case .invalidURL:
            RemoteFailure(
                error: ObjectError(.misconfigured, isTemporary: false, "storage.endpoint is not usable.", cause: error),
                remedy: .none
            )
        case .cancelled, .closed:
            RemoteFailure(
                error: ObjectError(.unavailable, isTemporary: true, "The transfer was given up.", cause: error),
                remedy: .none
            )
        case .bodyFailed:
            RemoteFailure(
                error: ObjectError(
                    .incomplete,
                    isTemporary: true,
                    "The object to be stored ended early, late or with an error.",
                    cause: error
                ),
                remedy: .none
            )
        case .tooLarge:
            RemoteFailure(
                error: ObjectError(.unavailable, isTemporary: true, "The storage's answer is too large.", cause: error),
                remedy: .none
            )
        case .nameNotResolved, .notConnected, .addressRefused, .tls, .timedOut, .broken:
            RemoteFailure(
                error: ObjectError(
                    .unavailable,
                    isTemporary: true,
                    "The storage cannot be reached (\(error.code.rawValue)): check storage.endpoint and the network.",
                    cause: error
                ),
                remedy: .repetition
            )
        }
    }
}

/// How far the other side's clock is ahead of this machine's.
final class RemoteClock: Sendable {
    private let lead = Mutex(Duration.zero)

    /// The moment by the other side's clock, as far as it is known.
    func corrected(_ now: Timestamp) -> Timestamp { now.advanced(by: lead.withLock { $0 }) }

    /// Takes over the clock of an answer; `false` if it says no time.
    func follow(_ response: TransportResponse, now: Timestamp) -> Bool {
        guard let theirs = response.headers[.date].flatMap(Timestamp.init(httpDate:)) else { return false }
        lead.withLock { $0 = now.duration(to: theirs) }
        return true
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl
import GatewayCore
import HTTPTypes
import NIOCore
import Synchronization

/// One HTTP exchange: what libcurl's callbacks fill, and what a waiting task reads.
///
/// `@unchecked Sendable` because of the members marked "loop thread": they are touched only by the event loop's thread,
/// in callbacks and in ``CurlLoop``, until ``finish(_:)`` has stored the result behind the mutex; a task reads what they
/// hold (``gathered()``) only after that, so the mutex orders the two.
final class CurlExchange: @unchecked Sendable {
    /// What the caller waits for.
    enum Mode {
        case gather
        case stream
    }

    let request: TransportRequest
    let mode: Mode
    let upload = CurlUpload()
    let download = CurlDownload()
    /// The room for the body, charged to the work of the task that made this exchange.
    private let admission = CurlAdmission(ByteBudget.Account.current)

    private struct State {
        var milestone: CheckedContinuation<Result<Void, TransportError>, Never>?
        var reached: Result<Void, TransportError>?
        var isFinished = false
    }

    private let state = Mutex(State())

    // Loop thread.
    /// Which addresses the exchange may connect to, and whether one was refused.
    private let gate = CurlGate()
    private weak var loop: CurlLoop?
    private(set) var handle: UnsafeMutableRawPointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var startedAt = ContinuousClock.now
    private var lastActivity = ContinuousClock.now
    private var head = CurlHead()
    private var isHeadComplete = false
    private var body = ByteBuffer()
    private var bodyBytes = 0
    /// How long the body may become without another look.
    private var room = 0
    /// Why a callback stopped the transfer, which libcurl itself reports only as "aborted".
    private var refusal: TransportError?
    private var sentBytes = 0
    /// How often libcurl began to send the request: more than once when a kept connection turned out to be dead.
    private var beginnings = 0
    /// Whether the whole body was handed over once, even if it is being sent anew now.
    private var wasHandedOver = false
    /// When the loop looks at the time limits next; an entry of its heap for another moment is out of date.
    var looksAt: ContinuousClock.Instant?

    init(_ request: TransportRequest, mode: Mode) {
        self.request = request
        self.mode = mode
    }

    // MARK: The waiting task

    /// Starts the exchange and waits for its end (gathering) or its head (streaming).
    func milestone(startedBy loop: CurlLoop) async -> Result<Void, TransportError> {
        await withCheckedContinuation { continuation in
            let reached = state.withLock { state in
                if state.reached == nil { state.milestone = continuation }
                return state.reached
            }
            // A task that was cancelled before it began has a result already.
            if let reached { continuation.resume(returning: reached) } else { loop.post(.start(self)) }
        }
    }

    /// The answer, once: whoever gets its body has it alone, and may change it in place.
    func gathered() -> TransportResponse {
        state.withLock { _ in
            defer { body = ByteBuffer() }
            return TransportResponse(status: head.status, headers: head.headers, body: body)
        }
    }

    func receivedHead() -> CurlHead {
        state.withLock { _ in head }
    }

    func nextChunk(resume: @Sendable () -> Void) async -> Result<ByteBuffer?, TransportError> {
        await download.next(resume: resume)
    }

    // MARK: The event loop

    var isFinished: Bool { state.withLock(\.isFinished) }

    /// Ends the exchange for whoever waits; the first end counts.
    func finish(_ result: Result<Void, TransportError>) {
        download.finish(result)
        upload.abandon()
        state.withLock { $0.isFinished = true }
        reach(result)
    }

    private func reach(_ result: Result<Void, TransportError>) {
        let waiting = state.withLock { state in
            guard state.reached == nil else { return nil as CheckedContinuation<Result<Void, TransportError>, Never>? }
            state.reached = result
            defer { state.milestone = nil }
            return state.milestone
        }
        waiting?.resume(returning: result)
    }

    /// Makes the handle and hands it to nobody yet.
    func prepare(_ settings: CurlSettings, loop: CurlLoop) throws(TransportError) -> UnsafeMutableRawPointer {
        self.loop = loop
        guard let handle = curl_easy_init() else {
            throw TransportError(.closed, mayHaveArrived: false, "The system has no memory left for a connection.")
        }
        self.handle = handle
        startedAt = .now
        lastActivity = .now
        let mayBeHeldBack = mode == .stream || admission.isAsking
        let options = CurlOptions(
            handle: handle,
            request: request,
            mayBeHeldBack: mayBeHeldBack,
            isQuestion: mode == .gather && (request.method == .get || request.method == .put),
            settings: settings
        )
        headerList = try options.apply(gate, owner: Unmanaged.passUnretained(self).toOpaque())
        return handle
    }

    /// Frees what ``prepare(_:)`` made.
    func release() {
        if let handle { curl_easy_cleanup(handle) }
        curl_slist_free_all(headerList)
        handle = nil
        headerList = nil
    }

    func touch() {
        lastActivity = .now
    }

    /// When to look at the time limits again.
    func nextDeadline() -> ContinuousClock.Instant {
        let total = startedAt + request.limits.total
        if isHeadComplete {
            // A reader who takes its time is no stall of the sender.
            return min(total, (download.isPaused || admission.isHeldBack ? .now : lastActivity) + request.limits.stall)
        }
        let firstByte = min(total, startedAt + request.limits.firstByte)
        let isSending = beginnings > 0 && sentBytes < request.body.length
        return isSending ? min(firstByte, lastActivity + request.limits.stall) : firstByte
    }

    func overdueMessage(at now: ContinuousClock.Instant) -> String {
        if now >= startedAt + request.limits.total { return "The exchange took too long." }
        if isHeadComplete { return "The answer stopped coming." }
        return sentBytes < request.body.length ? "The request could not be sent in time." : "No answer came in time."
    }

    // MARK: Callbacks

    /// Takes one header line; interim answers (1xx) are forgotten, trailers ignored.
    func takeHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        touch()
        guard !isHeadComplete else { return true }
        switch head.take(line) {
        case .unfinished: return true
        case .complete: return completeHead()
        case .tooLong: return refuse(.broken, "The answer has too many headers.")
        }
    }

    private func completeHead() -> Bool {
        isHeadComplete = true
        let hasBody = request.method != .head && head.status != 204 && head.status != 304
        if hasBody, let length = head.length, length > request.limits.responseBytes { return refuseAsTooLarge() }
        // After a refusal libcurl sends no more of the body, but would still wait for the pause of a slow producer to end.
        if head.status >= 300, sentBytes < request.body.length { loop?.post(.resume(ObjectIdentifier(self))) }
        switch mode {
        case .gather:
            break
        case .stream:
            reach(.success(()))
        }
        return true
    }

    /// Takes a piece of the body; `nil` asks libcurl to hold it back.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool? {
        touch()
        guard bodyBytes + bytes.count <= request.limits.responseBytes else { return refuseAsTooLarge() }
        switch mode {
        case .gather:
            guard bodyBytes + bytes.count <= room || makeRoom(for: bytes.count) else { return nil }
            body.writeBytes(bytes)
        case .stream:
            guard download.append(bytes) else { return nil }
        }
        bodyBytes += bytes.count
        return true
    }

    /// Makes room for so many more bytes, and for all that were announced; `false` if they have to wait for it.
    private func makeRoom(for count: Int) -> Bool {
        let needed = max(bodyBytes + count, head.length ?? 0)
        // Not a reference to this exchange: whatever had a weak one is slower to hold from then on, in every callback.
        let isAdmitted = admission.admits(needed) { [weak loop, waiting = ObjectIdentifier(self)] in
            loop?.post(.resume(waiting))
        }
        guard isAdmitted else { return false }
        admission.widen(&body, to: needed)
        room = needed
        return true
    }

    /// Whether libcurl may send the request now: once, and again only what may be repeated or had no part of its body
    /// handed over.
    ///
    /// libcurl begins again by itself when a kept connection ends without a byte of an answer. What has no body it would
    /// even send again without asking anybody to rewind.
    func begin() -> Bool {
        beginnings += 1
        touch()
        let isUnsent = request.body.length > 0 && sentBytes == 0
        if beginnings == 1 || isUnsent || rewind() { return true }
        return refuse(.broken, "The connection was closed without an answer.")
    }

    /// Fills libcurl's send buffer.
    func giveBody(_ target: UnsafeMutableRawBufferPointer) -> CurlUpload.Given {
        let given = upload.give(target, request: request)
        switch given {
        case .bytes(let count):
            sentBytes += count
            if sentBytes >= request.body.length { wasHandedOver = true }
            touch()
        case .failed(let error):
            refusal = error
        case .later:
            break
        }
        return given
    }

    /// Begins to send the body anew, if that is allowed.
    func rewind() -> Bool {
        guard request.isRepeatable else { return false }
        if case .stream = request.body { return false }
        upload.rewind()
        sentBytes = 0
        return true
    }

    private func refuseAsTooLarge() -> Bool {
        refuse(.tooLarge, "The answer is larger than \(request.limits.responseBytes) bytes.")
    }

    private func refuse(_ code: TransportError.Code, _ message: String) -> Bool {
        refusal = TransportError(code, mayHaveArrived: true, message)
        return false
    }

    // MARK: The end

    func result(_ code: CURLcode) -> Result<Void, TransportError> {
        // libcurl takes a head that ends in the middle for an answer.
        if code == CURLE_OK, isHeadComplete { return .success(()) }
        if let refusal { return .failure(failure(refusal.code, refusal.message)) }
        let (name, message) = gate.verdict ?? CurlFailure.describe(code)
        return .failure(failure(name, message))
    }

    func failure(_ code: TransportError.Code, _ message: String) -> TransportError {
        TransportError(code, mayHaveArrived: mayHaveArrived, message)
    }

    /// Certain that nothing arrived only if libcurl never began to send, or the body was never handed over to its end: a
    /// server cannot act on a request whose announced body did not come.
    private var mayHaveArrived: Bool {
        beginnings > 0 && (request.body.length == 0 || wasHandedOver)
    }
}

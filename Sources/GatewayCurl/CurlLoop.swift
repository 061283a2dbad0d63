// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl
import Foundation
import GatewayCore
import Synchronization

/// The event loop: libcurl's multi interface on epoll, one thread.
///
/// `@unchecked Sendable` because libcurl's handles may only be touched by one thread at a time: everything marked
/// "loop thread" below is read and written by ``run()`` and the callbacks libcurl makes inside it, and by nobody else.
/// Other threads reach the loop only by ``post(_:)``, whose inbox is a `Mutex` and whose bell is an eventfd.
final class CurlLoop: @unchecked Sendable {
    /// What other threads may ask for.
    enum Command {
        case start(CurlExchange)
        case cancel(CurlExchange)
        /// Whoever had the exchange wait, to receive or to send, waits no more; nothing happens if it is gone.
        case resume(ObjectIdentifier)
    }

    private struct Inbox {
        var commands: [Command] = []
        /// Whether the loop has to be woken to see what is posted.
        var isAsleep = false
        var isStopping = false
        var isStopped = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let inbox = Mutex(Inbox())
    private let bell: Int32

    // Loop thread from here on.
    private let multi: UnsafeMutableRawPointer
    private let settings: CurlSettings
    private let epoll: Int32
    private var active: [ObjectIdentifier: CurlExchange] = [:]
    private var watched: Set<Int32> = []
    private var deadlines = CurlDeadlines()
    private var curlWakesAt: ContinuousClock.Instant?

    init(settings: CurlSettings) throws(TransportError) {
        guard CurlLibrary.isReady, let multi = curl_multi_init() else { throw Self.noResources }
        self.settings = settings
        self.multi = multi
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        bell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard gateway_epoll_control(epoll, EPOLL_CTL_ADD, bell, EPOLLIN.rawValue) == 0 else {
            curl_multi_cleanup(multi)
            closeDescriptors()
            throw Self.noResources
        }
    }

    deinit {
        closeDescriptors()
    }

    private func closeDescriptors() {
        for descriptor in [epoll, bell] where descriptor >= 0 { Glibc.close(descriptor) }
    }

    private static let noResources = TransportError(
        .closed,
        mayHaveArrived: false,
        "The system has no descriptors left for network connections."
    )

    // MARK: From any thread

    /// Starts the thread, which keeps the loop alive until it is stopped.
    func start() {
        Thread.detachNewThread {
            gateway_name_thread("curl")
            self.run()
        }
    }

    func post(_ command: Command) {
        let (isStopped, isAsleep) = inbox.withLock { inbox in
            if !inbox.isStopped { inbox.commands.append(command) }
            defer { inbox.isAsleep = false }
            return (inbox.isStopped, inbox.isAsleep)
        }
        if isAsleep { ring() }
        if isStopped, case .start(let exchange) = command { exchange.finish(.failure(Self.closed)) }
    }

    func stop() {
        inbox.withLock { $0.isStopping = true }
        ring()
    }

    func untilStopped() async {
        await withCheckedContinuation { continuation in
            let isStopped = inbox.withLock { inbox in
                if !inbox.isStopped { inbox.waiting.append(continuation) }
                return inbox.isStopped
            }
            if isStopped { continuation.resume() }
        }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(bell, &one, MemoryLayout<UInt64>.size)
    }

    private static let closed = TransportError(.closed, mayHaveArrived: false, "The gateway is shutting down.")

    // MARK: Loop thread

    private func run() {
        configure()
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            let count = Int(epoll_wait(epoll, &events, Int32(events.count), fallAsleep()))
            inbox.withLock { $0.isAsleep = false }
            for event in events.prefix(max(0, count)) { handle(event) }
            actIfDue()
            // What has ended has ended, even if it is cancelled or overdue by now.
            readMessages()
            let isStopping = takeCommands()
            // What was just begun wants to act at once.
            actIfDue()
            readMessages()
            endOverdue()
            readMessages()
            if isStopping { break }
        }
        shutDown()
    }

    private func configure() {
        let pointer = Unmanaged.passUnretained(self).toOpaque()
        gateway_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, pointer)
        gateway_multi_set_pointer(multi, CURLMOPT_TIMERDATA, pointer)
        gateway_multi_set_socket_function(multi) { _, socket, what, loop, _ in
            CurlLoop.from(loop)?.watch(socket, what)
            return 0
        }
        gateway_multi_set_timer_function(multi) { _, milliseconds, loop in
            CurlLoop.from(loop)?.curlWakesAt = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
            return 0
        }
        gateway_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.idleConnections)
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> CurlLoop? {
        pointer.map { Unmanaged<CurlLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    private func handle(_ event: epoll_event) {
        var event = event
        let descriptor = gateway_epoll_descriptor(&event)
        if descriptor == bell {
            var count: UInt64 = 0
            _ = read(bell, &count, MemoryLayout<UInt64>.size)
            return
        }
        var what: Int32 = 0
        if event.events & EPOLLIN.rawValue != 0 { what |= CURL_CSELECT_IN }
        if event.events & EPOLLOUT.rawValue != 0 { what |= CURL_CSELECT_OUT }
        if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { what |= CURL_CSELECT_ERR }
        act(on: descriptor, what)
    }

    private func act(on socket: curl_socket_t, _ what: Int32) {
        var running: Int32 = 0
        curl_multi_socket_action(multi, socket, what, &running)
    }

    private func watch(_ socket: curl_socket_t, _ what: Int32) {
        guard what != CURL_POLL_REMOVE else {
            watched.remove(socket)
            _ = gateway_epoll_control(epoll, EPOLL_CTL_DEL, socket, 0)
            return
        }
        var events: UInt32 = 0
        if what & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
        if what & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
        let isNew = watched.insert(socket).inserted
        // libcurl may close a socket and open another of the same number without a word in between.
        if gateway_epoll_control(epoll, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, events) != 0 {
            _ = gateway_epoll_control(epoll, isNew ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, events)
        }
    }

    private func actIfDue() {
        guard let wakesAt = curlWakesAt, wakesAt <= .now else { return }
        curlWakesAt = nil
        act(on: CURL_SOCKET_TIMEOUT, 0)
    }

    /// Says that the loop has to be woken from now on.
    ///
    /// - Returns: After how many milliseconds it wakes by itself, for libcurl's own wish or an exchange's deadline; -1 for
    ///   never.
    private func fallAsleep() -> Int32 {
        let isAsleep = inbox.withLock { inbox in
            inbox.isAsleep = inbox.commands.isEmpty && !inbox.isStopping
            return inbox.isAsleep
        }
        guard isAsleep else { return 0 }
        guard let next = [curlWakesAt, deadlines.next].compactMap(\.self).min() else { return -1 }
        // Rounded up: there is nothing to do a little too early.
        return Int32(clamping: max(0, (ContinuousClock.now.duration(to: next) + .microseconds(999)).milliseconds))
    }

    private func takeCommands() -> Bool {
        let (commands, isStopping) = inbox.withLock { inbox in
            defer { inbox.commands = [] }
            return (inbox.commands, inbox.isStopping)
        }
        for command in commands {
            switch command {
            case .start(let exchange): begin(exchange)
            case .cancel(let exchange):
                end(exchange, .failure(exchange.failure(.cancelled, "The request was cancelled.")))
            case .resume(let exchange): resume(exchange)
            }
        }
        return isStopping
    }

    private func begin(_ exchange: CurlExchange) {
        guard !exchange.isFinished else { return }
        do throws(TransportError) {
            let handle = try exchange.prepare(settings, loop: self)
            guard curl_multi_add_handle(multi, handle) == CURLM_OK else { throw Self.noResources }
            active[ObjectIdentifier(exchange)] = exchange
            deadlines.add(exchange, deadline: exchange.nextDeadline())
            deadlines.forgetEnded(butFor: active)
        } catch {
            exchange.release()
            exchange.finish(.failure(error))
        }
    }

    private func resume(_ waiting: ObjectIdentifier) {
        guard let exchange = active[waiting], let handle = exchange.handle else { return }
        exchange.touch()
        // Hands over what libcurl held back; if that is refused here, libcurl forgets both the bytes and the refusal.
        let code = curl_easy_pause(handle, CURLPAUSE_CONT)
        // Without a connection the transfer is not yet begun or already done, with a message on its way.
        if code != CURLE_OK, code != CURLE_BAD_FUNCTION_ARGUMENT { end(exchange, exchange.result(code)) }
    }

    private func end(_ exchange: CurlExchange, _ result: Result<Void, TransportError>) {
        if active.removeValue(forKey: ObjectIdentifier(exchange)) != nil, let handle = exchange.handle {
            curl_multi_remove_handle(multi, handle)
            exchange.release()
        }
        exchange.finish(result)
    }

    /// Ends the exchanges whose time is over; activity has moved most deadlines meanwhile.
    private func endOverdue() {
        let now = ContinuousClock.now
        while let exchange = deadlines.takeDue(at: now, among: active) {
            let deadline = exchange.nextDeadline()
            if deadline > now {
                deadlines.add(exchange, deadline: deadline)
            } else {
                end(exchange, .failure(exchange.failure(.timedOut, exchange.overdueMessage(at: now))))
            }
        }
    }

    private func readMessages() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let exchange = CurlExchange.of(message.pointee.easy_handle)
            else {
                continue
            }
            end(exchange, exchange.result(gateway_message_result(message)))
        }
    }

    private func shutDown() {
        for exchange in active.values {
            end(exchange, .failure(exchange.failure(.closed, "The gateway is shutting down.")))
        }
        // Closes the idle connections.
        curl_multi_cleanup(multi)
        let (commands, waiting) = inbox.withLock { inbox in
            inbox.isStopped = true
            defer {
                inbox.commands = []
                inbox.waiting = []
            }
            return (inbox.commands, inbox.waiting)
        }
        for case .start(let exchange) in commands { exchange.finish(.failure(Self.closed)) }
        for continuation in waiting { continuation.resume() }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where log lines go: a descriptor, in few writes.
///
/// What matters to operators is written at once. Ordinary lines, one for each request, wait for up to 20 ms for their
/// neighbors: under load a system call for each would cost more than the line. A process that is killed may lose those
/// last 20 ms of ordinary lines, nothing else.
final class LogOutput: Sendable {
    /// The program's own; what waits is written when the program exits.
    static let standardError: LogOutput = {
        atexit { LogOutput.standardError.flush() }
        return LogOutput(descriptor: 2)
    }()

    private static let patience: useconds_t = 20_000
    private static let largestPiece = 64 << 10

    private let descriptor: Int32
    private let waiting = Mutex(ByteBuffer())
    private let somethingWaits = DispatchSemaphore(value: 0)

    /// Creates an output and its thread, which waits without cost while nothing is logged.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        Thread.detachNewThread { [self] in
            while true {
                somethingWaits.wait()
                usleep(Self.patience)
                flush()
            }
        }
    }

    /// Appends a line; lines of several threads do not mix.
    ///
    /// - Parameters:
    ///   - isUrgent: Whether it is written at once, with whatever waits before it.
    ///   - line: Writes it, line break included.
    func write(isUrgent: Bool, _ line: (inout ByteBuffer) -> Void) {
        let isFirst = waiting.withLock { waiting in
            let isFirst = waiting.readableBytes == 0
            line(&waiting)
            guard isUrgent || waiting.readableBytes >= Self.largestPiece else { return isFirst }
            send(&waiting)
            return false
        }
        if isFirst { somethingWaits.signal() }
    }

    /// Writes what waits.
    func flush() {
        waiting.withLock { send(&$0) }
    }

    private func send(_ waiting: inout ByteBuffer) {
        while waiting.readableBytes > 0 {
            let sent = waiting.withUnsafeReadableBytes { bytes in
                #if canImport(Glibc)
                    Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                #else
                    Darwin.write(descriptor, bytes.baseAddress, bytes.count)
                #endif
            }
            if sent > 0 { waiting.moveReaderIndex(forwardBy: sent) } else if errno != EINTR { break }
        }
        waiting.clear()
    }
}

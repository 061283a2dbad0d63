// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// The door of a listener that stops: whoever stands there already is let in, and nobody behind them.
///
/// The system takes connections on by itself, and the process fetches them later. A caller whose connection is not fetched
/// when the listener closes is reset, although the request was sent. So first the system is told to take on nobody new
/// (who asks for a connection is left to ask again, and is refused then), and what it has is fetched.
final class Doorway: Sendable {
    private let listener = Mutex<(any Channel)?>(nil)

    /// What it takes to open a connection, and has been begun: its last step is on its way.
    private static let lastStep = Duration.milliseconds(20)
    /// How long the connections that are there may take to be fetched.
    private static let patience = Duration.seconds(1)

    /// Says that a listener listens.
    func opened(_ channel: any Channel) {
        listener.withLock { $0 = channel }
    }

    /// Closes the door for new connections; ends when those that are there have been fetched.
    func close(_ time: any TimeSource) async {
        #if os(Linux)
            guard let socket = listener.withLock({ $0 }) as? any SocketOptionProvider else { return }
            let attach = NIOBSDSocket.Option(rawValue: SO_ATTACH_FILTER)
            try? await socket.unsafeSetSocketOption(level: .socket, name: attach, value: DoorFilter.program).get()
            let end = time.now.advanced(by: Self.patience)
            repeat {
                guard (try? await time.sleep(for: Self.lastStep)) != nil else { return }
                // Of a socket that listens it tells how many connections wait to be fetched.
            } while (try? await socket.getTCPInfo().get().tcpi_unacked) ?? 0 > 0 && time.now < end
        #endif
    }
}

#if os(Linux)
    /// A packet filter of the classic kind that drops what would open a connection, and lets all else pass: connections
    /// that are open inherit it.
    private enum DoorFilter {
        /// How the system is handed a program: `struct sock_fprog`.
        struct Program: Sendable {
            var length: UInt16
            var address: UInt
        }

        static let program = {
            // code | ifTrue << 16 | ifFalse << 24 | operand << 32: `struct sock_filter`, as it lies in memory.
            let instructions: [UInt64] = [
                // The flags of the segment, of which only SYN and ACK matter; SYN alone opens.
                0x30 | 13 << 32, 0x54 | 0x12 << 32, 0x15 | 1 << 24 | 0x02 << 32,
                // Drop; pass.
                0x06, 0x06 | 0xFFFF_FFFF << 32,
            ]
            // It lives as long as the process, in which the door closes once.
            let memory = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: instructions.count)
            _ = memory.initialize(from: instructions)
            return Program(length: UInt16(instructions.count), address: UInt(bitPattern: memory.baseAddress))
        }()
    }
#endif

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Ports of 127.0.0.1 for servers that tests start.
///
/// They lie below the range from which the system takes ports for outgoing connections and for servers that ask for
/// any port, so that nobody gets one between the moment it is chosen and the moment the server listens; and none is
/// given twice in a process. Those that lie 10,000 higher are not given either: SeaweedFS takes them for itself.
public enum LoopbackPorts {
    private static let range: Range<Int> = 12_000..<21_000
    private static let next = Mutex(Int.random(in: range))

    /// A port that nobody listens on and that nobody else gets.
    public static func take() -> Int {
        next.withLock { next in
            repeat { next = next + 1 < range.upperBound ? next + 1 : range.lowerBound } while !isFree(next)
            return next
        }
    }

    /// Whether a server could listen on the port now.
    public static func isFree(_ port: Int) -> Bool {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

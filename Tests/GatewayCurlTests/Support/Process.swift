// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization

/// What this process takes.
enum Process {
    /// How many threads have a name.
    static func threads(named name: String) -> Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count { task in
            (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) == name + "\n"
        }
    }

    /// How many descriptors are open.
    static var descriptors: Int {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).count
    }

    /// How much memory is in use, in bytes.
    static var residentBytes: Int {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (pages.flatMap { $0.count > 1 ? Int($0[1]) : nil } ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    }

    /// The CPU seconds of all threads.
    ///
    /// By `clock`, whose unit POSIX fixes at a microsecond.
    static var cpuTime: Double { Double(clock()) / 1e6 }

    /// Raises the limit of open descriptors.
    static func allowDescriptors(_ count: UInt) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_max >= count else { throw PeerFailure.system("\(count) descriptors are not allowed here") }
        limit.rlim_cur = max(limit.rlim_cur, rlim_t(count))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

/// A server of one thread that answers nobody until everybody is there, each with a number of their own.
final class Crowd: Sendable {
    let url: String
    /// All requests have been read.
    let isComplete = Signal()
    let mayAnswer = Signal()

    init(_ count: Int) throws {
        let listener = try Loopback.listen(backlog: 4096)
        url = "http://127.0.0.1:\(try Loopback.port(of: listener))/"
        Thread.detachNewThread { [isComplete, mayAnswer] in
            let peers = (0..<count).map { Peer(number: $0, socket: Glibc.accept(listener, nil, nil)) { _ in } }
            for peer in peers { _ = try? peer.request() }
            isComplete.fire()
            try? mayAnswer.block()
            for peer in peers { try? peer.answer("200 OK", "\(peer.number)") }
            for peer in peers { peer.close() }
            close(listener)
        }
    }
}

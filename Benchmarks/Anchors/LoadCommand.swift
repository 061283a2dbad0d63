// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Synchronization

/// Sends the same request again and again on as many connections as there are clients, and times the answers.
///
/// No request is begun after the time is up, and every one that was begun is finished: what a server spent can be
/// divided by what it answered.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "load", abstract: "Load a server.")

    @Option(help: "The port on 127.0.0.1.")
    var port: Int

    @Option(help: "The path.")
    var path: String

    @Option(help: "The method.")
    var method = "POST"

    @Option(name: .customLong("header"), help: "A header, NAME: VALUE.")
    var headers: [String] = []

    @Option(help: "The body.")
    var body = ""

    @Option(help: "How many connections.")
    var clients = 1

    @Option(help: "After how many seconds no request is begun any more.")
    var seconds = 3.0

    @Option(help: "At most so many requests, of all clients together.")
    var requests = Int.max

    @Option(help: "A shorter answer is an error.")
    var atLeast = 0

    /// What one client saw.
    private struct Tally {
        var latencies: [Double] = []
        var errors: [String] = []
        var bytes = 0

        mutating func add(_ other: Tally) {
            latencies += other.latencies
            errors += other.errors
            bytes += other.bytes
        }
    }

    /// How many requests may still be begun.
    private final class Budget: Sendable {
        private let left: Atomic<Int>

        init(_ count: Int) { left = Atomic(count) }

        func take() -> Bool { left.subtract(1, ordering: .relaxed).oldValue > 0 }
    }

    func run() async throws {
        let budget = Budget(requests)
        let start = ContinuousClock.now
        let end = start + .milliseconds(Int(seconds * 1000))
        let request = Array(requestText.utf8)
        let tally = await withTaskGroup(of: Tally.self) { group in
            for _ in 0..<clients {
                group.addTask { await onThread { client(request, end, budget) } }
            }
            return await group.reduce(into: Tally()) { $0.add($1) }
        }
        report(tally, took: ContinuousClock.now - start)
    }

    private var requestText: String {
        let given = headers.map { "\($0)\r\n" }.joined()
        let length = body.isEmpty ? "" : "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        return "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(given)\(length)\r\n\(body)"
    }

    private func client(_ request: [UInt8], _ end: ContinuousClock.Instant, _ budget: Budget) -> Tally {
        var tally = Tally()
        do {
            var connection = try Connection(port: port)
            while ContinuousClock.now < end, budget.take() {
                let begin = ContinuousClock.now
                try request.withUnsafeBytes { try connection.write($0) }
                let (status, length) = try connection.readAnswer()
                tally.latencies.append((ContinuousClock.now - begin) / .milliseconds(1))
                tally.bytes += length
                if status != 200 || length < atLeast { tally.errors.append("status \(status), \(length) bytes") }
            }
        } catch {
            tally.errors.append("\(error)")
        }
        return tally
    }

    private func report(_ tally: Tally, took: Duration) {
        let sorted = tally.latencies.sorted()
        func quantile(_ share: Double) -> Double {
            guard !sorted.isEmpty else { return 0 }
            return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
        }
        let seconds = took / .seconds(1)
        let text = """
            {"requests":\(sorted.count),"errors":\(tally.errors.count),"error":"\(tally.errors.first ?? "")",\
            "bytes":\(tally.bytes),"seconds":\(seconds),"p50":\(quantile(0.5)),"p90":\(quantile(0.9)),\
            "p99":\(quantile(0.99)),"max":\(sorted.last ?? 0)}
            """
        print(text)
    }
}

/// Runs blocking work on a thread of its own: the pool that runs tasks has no more threads than the machine has cores.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: work()) }
        thread.stackSize = 256 << 10
        thread.start()
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

@testable import GatewayCore
@testable import GatewayEngine
import GatewayObjects
import GatewayTesting
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// The same minute of trouble with the stores as they are used, for both kinds of service: the store's own repetitions and
/// the engine's together lose no task, buy nothing again and hold no picture twice.
@Suite struct BucketServiceTests {
    enum Kind: String, CaseIterable, Sendable {
        case s3, oss

        func store(_ service: TroubledService, _ time: HastyTime) throws -> any ObjectStore {
            switch self {
            case .s3:
                let settings = S3Settings(
                    endpoint: "https://s3.us-east-1.amazonaws.com",
                    region: "us-east-1",
                    bucket: "pictures",
                    accessKeyID: "AKID",
                    secretAccessKey: Secret("SECRET")
                )
                return try S3ObjectStore(settings, transport: service, time: time)
            case .oss:
                let settings = OSSSettings(
                    endpoint: "https://oss-cn-hangzhou.aliyuncs.com",
                    bucket: "pictures",
                    accessKeyID: "AKID",
                    secretAccessKey: Secret("SECRET")
                )
                return try OSSObjectStore(settings, transport: service, time: time)
            }
        }
    }

    /// A service in trouble until a moment; what it takes it keeps.
    final class TroubledService: HTTPTransport {
        private struct State {
            var failures = 0
            var mostHeld = 0
            var objects: [String: Int] = [:]
        }

        private let trouble: BucketOutageTests.Trouble
        private let end: Timestamp
        private let time: HastyTime
        private let budget: ByteBudget
        private let state = Mutex(State())

        init(_ trouble: BucketOutageTests.Trouble, _ time: HastyTime, _ budget: ByteBudget) {
            self.trouble = trouble
            self.time = time
            self.budget = budget
            end = time.now.advanced(by: .seconds(60))
        }

        var failures: Int { state.withLock(\.failures) }
        var mostHeld: Int { state.withLock(\.mostHeld) }
        /// The lengths of what is stored.
        var lengths: [Int] { state.withLock { Array($0.objects.values) } }

        func send(_ request: TransportRequest) async throws(TransportError) -> TransportResponse {
            let used = budget.used
            state.withLock { $0.mostHeld = max($0.mostHeld, used) }
            if time.now < end {
                state.withLock { $0.failures += 1 }
                if let refusal = try await refusal(of: request) { return refusal }
            }
            let length = try await Self.length(of: request.body, atMost: .max)
            state.withLock { $0.objects[request.url] = length }
            return TransportResponse(status: 200)
        }

        private func refusal(of request: TransportRequest) async throws(TransportError) -> TransportResponse? {
            switch trouble {
            case .slow:
                try? await time.sleep(for: .seconds(20))
                return nil
            case .full: return answer(403, "QuotaExceeded")
            case .forbidden: return answer(403, "AccessDenied")
            case .missing: return answer(404, "NoSuchBucket")
            case .down: throw TransportError(.notConnected, mayHaveArrived: false, "Nothing listens.")
            case .halfway:
                _ = try await Self.length(of: request.body, atMost: 1)
                throw TransportError(.broken, mayHaveArrived: true, "The connection was reset.")
            }
        }

        private func answer(_ status: Int, _ code: String) -> TransportResponse {
            TransportResponse(
                status: status,
                headers: [.date: CivilDate(time.now).http],
                body: ByteBuffer(string: "<Error><Code>\(code)</Code></Error>")
            )
        }

        /// Reads a body until `limit` bytes have come.
        private static func length(of body: TransportBody, atMost limit: Int) async throws(TransportError) -> Int {
            guard case .stream(_, let chunks) = body else { return body.length }
            var length = 0
            do {
                for try await chunk in chunks {
                    length += chunk.readableBytes
                    if length >= limit { break }
                }
            } catch {
                throw TransportError(.bodyFailed, mayHaveArrived: true, "The body failed.")
            }
            return length
        }

        func open(_ request: TransportRequest) async throws(TransportError) -> TransportStream {
            throw TransportError(.closed, mayHaveArrived: false, "Nothing is read here.")
        }
    }

    private static let tasks = 8

    @Test(arguments: Kind.allCases, BucketOutageTests.Trouble.allCases)
    func `tasks complete when the service is back, made and passed-on pictures alike`(
        kind: Kind,
        trouble: BucketOutageTests.Trouble
    ) async throws {
        for isStreamed in [false, true] {
            let (time, budget) = (HastyTime(), ByteBudget(limit: 1 << 20))
            let service = TroubledService(trouble, time, budget)
            let vendor = FakeVendor { _, number in
                isStreamed ? .addresses("https://v.example/\(number).png") : .pictures(number)
            }
            let bench = Bench(
                vendor.provider("a"),
                time: time,
                keeping: try kind.store(service, time),
                memory: budget,
                web: ReplayTransport { _ in RemotePictureTests.picture() }
            )

            let tasks = try await withThrowingTaskGroup(of: ImageTask.self) { group in
                for _ in 0..<Self.tasks { group.addTask { try await bench.draw() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            #expect(tasks.allSatisfy { $0.status == .completed && $0.attempts.count == 1 && $0.pictures.count == 1 })
            #expect(vendor.ledger.submissions == Self.tasks)
            #expect(service.lengths == Array(repeating: Picture.png(1).readableBytes, count: Self.tasks))
            #expect(service.failures > 0)
            #expect(service.mostHeld <= Self.tasks * 2 * Picture.png(1).readableBytes)
            #expect(budget.used == 0)
        }
    }
}

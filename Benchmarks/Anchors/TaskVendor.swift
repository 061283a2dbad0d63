// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import Hummingbird
import NIOCore
import Synchronization

/// A task vendor that speaks HingNet's language and writes down when it was asked.
///
/// It costs little, so ten thousand tasks are no work for it, and its notes are exact.
final class TaskVendor: Sendable {
    /// One task: when it began, and when it was asked for.
    private struct Job {
        var began: Duration
        var polls: [Duration] = []
    }

    private let port: Int
    private let duration: Duration
    private let picture: ByteBuffer
    private let start = ContinuousClock.now
    private let jobs = Mutex<[String: Job]>([:])

    init(port: Int, duration: Duration, picture: ByteBuffer) {
        self.port = port
        self.duration = duration
        self.picture = picture
    }

    func add(to router: Router<BasicRequestContext>) {
        router.post("/tasks/v1/images/generations/async") { request, _ in
            _ = try await request.body.collect(upTo: 1 << 20)
            return Self.json(self.begin())
        }
        router.get("/tasks/v1/images/generations/{id}") { _, context in
            let answer = self.poll(try context.parameters.require("id"))
            return answer.map(Self.json) ?? Response(status: .notFound)
        }
        router.get("/tasks/picture.png") { [picture] _, _ in
            Response(status: .ok, headers: [.contentType: "image/png"], body: ResponseBody(byteBuffer: picture))
        }
        router.get("/tasks/notes") { _, _ in Self.json(self.notes()) }
    }

    private var now: Duration { ContinuousClock.now - start }

    private func begin() -> String {
        let id = "image_\(UUID().uuidString.filter { $0 != "-" })"
        jobs.withLock { $0[id] = Job(began: now) }
        return "\(Self.head(id, "pending", 0))}"
    }

    private func poll(_ id: String) -> String? {
        let now = now
        let age: Duration? = jobs.withLock { jobs in
            jobs[id]?.polls.append(now)
            return jobs[id].map { now - $0.began }
        }
        guard let age else { return nil }
        guard age >= duration else { return "\(Self.head(id, "in_progress", 50))}" }
        let url = "http://127.0.0.1:\(port)/tasks/picture.png"
        return "\(Self.head(id, "completed", 100)),\"data\":[{\"url\":\"\(url)\"}]}"
    }

    private static func head(_ id: String, _ status: String, _ progress: Int) -> String {
        """
        {"id":"\(id)","task_id":"\(id)","object":"image.generation","created_at":1767340800,"status":"\(status)",\
        "progress":\(progress),"model":"gemini-3-pro-image-preview"
        """
    }

    /// When each task began and was asked for, in milliseconds since the start.
    private func notes() -> String {
        let lines = jobs.withLock { jobs in
            jobs.values.map { job in
                ([job.began] + job.polls).map { String(Int(($0 / .milliseconds(1)).rounded())) }.joined(separator: ",")
            }
        }
        let jobs = lines.map { "[\($0)]" }.joined(separator: ",")
        return "{\"now\":\(Int((now / .milliseconds(1)).rounded())),\"jobs\":[\(jobs)]}"
    }

    private static func json(_ text: String) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Makes tasks for tests, in any state, with names that grow.
///
/// Every state is reached through ``ImageTask/applying(_:at:)``, as in real life.
public struct SampleTasks: Sendable {
    /// The clock that dates them.
    public let time: ManualTime
    private let ids: TaskIDSource

    /// Creates a source of tasks.
    ///
    /// - Parameter time: The clock that dates them.
    public init(time: ManualTime = ManualTime()) {
        self.time = time
        ids = TaskIDSource(time: time)
    }

    /// A name nobody has used.
    public func id() -> TaskID { ids.next() }

    /// A small valid request.
    public static func request(
        model: String = "gemini-3-pro-image-preview",
        prompt: String = "a fox in the snow",
        count: Int = 1,
        adjust: (inout ImageRequest.Draft) -> Void = { _ in }
    ) throws(InvalidRequest) -> ImageRequest {
        var draft = ImageRequest.Draft()
        draft.model = model
        draft.prompt = prompt
        draft.count = count
        adjust(&draft)
        return try ImageRequest(draft)
    }

    /// A task that waits to be claimed, or, with a node, to be begun by that node.
    public func pending(
        owner: String = "alice",
        model: String = "gemini-3-pro-image-preview",
        prompt: String = "a fox in the snow",
        count: Int = 1,
        node: String? = nil
    ) throws(InvalidRequest) -> ImageTask {
        ImageTask(
            id: ids.next(),
            owner: owner,
            request: try Self.request(model: model, prompt: prompt, count: count),
            needsLink: true,
            createdAt: time.now,
            linkLifetime: .seconds(86_400),
            node: node
        )
    }

    /// A task after some events, from a pending one.
    public func task(
        _ task: ImageTask,
        after events: [TaskEvent]
    ) throws(TaskStateError) -> ImageTask {
        var task = task
        for event in events { task = try task.applying(event, at: time.now) }
        return task
    }

    /// The events that bring a task of one portion to a stage.
    public enum Stage: Sendable, CaseIterable {
        /// Claimed, nothing sent.
        case queued
        /// An attempt is on its way.
        case submitting
        /// A vendor works on it.
        case waiting
        /// Pictures are being fetched.
        case fetching
        /// Completed with stored pictures.
        case stored
        /// Completed with pictures that were handed over.
        case delivered
        /// Failed.
        case failed

        /// What has to happen to a pending task of one portion, worked on by `node`.
        public func events(node: String = "node-1") -> [TaskEvent] {
            let claimed: [TaskEvent] = [.claimed(node: node, portions: [1])]
            let sent = claimed + [SampleTasks.submitting()]
            let waiting = sent + [.accepted(portion: 0, job: ProviderJob(id: "job-1"))]
            return switch self {
            case .queued: claimed
            case .submitting: sent
            case .waiting: waiting
            case .fetching: waiting + [.generated(portion: 0, urls: ["https://vendor.example/1.png"], usage: nil)]
            case .stored: sent + [SampleTasks.stored()]
            case .delivered:
                sent + [.delivered(portion: 0, headers: [SampleTasks.header], usage: nil, warnings: [])]
            case .failed: claimed + [.portionFailed(portion: 0, SampleTasks.failure)]
            }
        }
    }

    /// The header of a small picture.
    public static let header = PictureHeader(format: .png, size: PixelSize(1024, 1024))

    /// A failure as a vendor's outage makes it.
    public static let failure = TaskFailure(.upstreamError, "Every provider failed.")

    /// The event that an attempt is about to be sent.
    public static func submitting(portion: Int = 0) -> TaskEvent {
        .submitting(portion: portion, provider: "google", model: "gemini-3-pro-image", warnings: [])
    }

    /// The event that one picture was stored.
    public static func stored(portion: Int = 0) -> TaskEvent {
        let picture = StoredPicture(key: "2023/11/14/picture-\(portion).png", header: header, bytes: 1000)
        return .stored(portion: portion, pictures: [picture], usage: nil, warnings: [])
    }
}

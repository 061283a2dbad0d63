// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A task as the JSON of its row, member by member.
///
/// Rows are written two or three times for each picture, and the way through `Encodable`, made for any type, takes ten times
/// as long for this one. The bytes are the same: tests hold the two together, and count the members of each type. What is
/// rare goes that way still, and reading does.
struct TaskText: ~Copyable {
    private var text = RowBytes()

    /// The bytes of a task.
    ///
    /// - Throws: `EncodingError` for what JSON cannot write.
    static func bytes(of task: ImageTask) throws -> [UInt8] {
        var text = TaskText()
        try text.write(task)
        return text.text.bytes
    }

    private mutating func write(_ task: ImageTask) throws {
        text.append("{\"id\":")
        text.write(task.id.description)
        member(",\"owner\":", task.owner)
        text.append(",\"request\":")
        try write(task.request)
        text.append(",\"needsLink\":")
        text.write(task.needsLink)
        member(",\"createdAt\":", task.createdAt.milliseconds)
        text.append(",\"linkLifetime\":")
        write(task.linkLifetime)
        member(",\"retryOf\":", task.retryOf?.description)
        member(",\"version\":", task.version)
        member(",\"status\":", task.status.rawValue)
        member(",\"node\":", task.node)
        text.append(",\"portions\":")
        try list(task.portions) { try $0.write($1) }
        text.append(",\"attempts\":")
        try list(task.attempts) { $0.write($1) }
        member(",\"progress\":", task.progress)
        text.append(",\"warnings\":")
        try list(task.warnings) { $0.text.write($1) }
        try rare(",\"usage\":", task.usage)
        try rare(",\"failure\":", task.failure)
        member(",\"completedAt\":", task.completedAt?.milliseconds)
        text.append("}")
    }

    private mutating func write(_ request: ImageRequest) throws {
        text.append("{\"kind\":")
        text.write(request.kind.rawValue)
        member(",\"model\":", request.model)
        member(",\"prompt\":", request.prompt)
        member(",\"count\":", request.count)
        member(",\"size\":", request.size?.description)
        member(",\"aspectRatio\":", request.aspectRatio?.description)
        member(",\"quality\":", request.quality?.rawValue)
        member(",\"background\":", request.background?.rawValue)
        member(",\"outputFormat\":", request.outputFormat?.rawValue)
        member(",\"outputCompression\":", request.outputCompression)
        member(",\"responseFormat\":", request.responseFormat.rawValue)
        member(",\"seed\":", request.seed)
        member(",\"negativePrompt\":", request.negativePrompt)
        member(",\"style\":", request.style?.rawValue)
        member(",\"moderation\":", request.moderation?.rawValue)
        member(",\"user\":", request.user)
        if request.metadata.isEmpty {
            text.append(",\"metadata\":{}")
        } else {
            try rare(",\"metadata\":", request.metadata)
        }
        member(",\"webhookAddress\":", request.webhookAddress?.description)
        if request.inputs.isEmpty { text.append(",\"inputs\":[]") } else { try rare(",\"inputs\":", request.inputs) }
        try rare(",\"mask\":", request.mask)
        text.append("}")
    }

    private mutating func write(_ portion: Portion) throws {
        text.append("{\"count\":")
        text.write(portion.count)
        switch portion.stage {
        case .queued:
            text.append(",\"stage\":{\"queued\":{}}")
        case .submitting(let attempt):
            text.append(",\"stage\":{\"submitting\":{\"attempt\":")
            text.write(attempt)
            text.append("}}")
        case .stored(let pictures):
            text.append(",\"stage\":{\"stored\":{\"_0\":")
            try list(pictures) { $0.write($1) }
            text.append("}}")
        case .delivered(let headers):
            text.append(",\"stage\":{\"delivered\":{\"_0\":")
            try list(headers) { $0.write($1) }
            text.append("}}")
        case .waiting, .fetching, .failed:
            try rare(",\"stage\":", portion.stage)
        }
        text.append("}")
    }

    private mutating func write(_ picture: StoredPicture) {
        text.append("{\"key\":")
        text.write(picture.key)
        text.append(",\"header\":")
        write(picture.header)
        member(",\"bytes\":", picture.bytes)
        member(",\"revisedPrompt\":", picture.revisedPrompt)
        text.append("}")
    }

    private mutating func write(_ header: PictureHeader) {
        text.append("{\"format\":")
        text.write(header.format.rawValue)
        text.append(",\"size\":\"")
        text.write(header.size.width)
        text.append("x")
        text.write(header.size.height)
        text.append("\"}")
    }

    private mutating func write(_ attempt: Attempt) {
        text.append("{\"portion\":")
        text.write(attempt.portion)
        member(",\"provider\":", attempt.provider)
        member(",\"model\":", attempt.model)
        member(",\"key\":", attempt.key)
        member(",\"startedAt\":", attempt.startedAt.milliseconds)
        member(",\"endedAt\":", attempt.endedAt?.milliseconds)
        member(",\"outcome\":", attempt.outcome?.rawValue)
        member(",\"vendorTaskID\":", attempt.vendorTaskID)
        member(",\"error\":", attempt.error)
        text.append("}")
    }

    /// A duration as Swift writes it: the upper and the lower half of its attoseconds.
    private mutating func write(_ duration: Duration) {
        let attoseconds = duration.attoseconds
        text.append("[")
        text.write(Int64(truncatingIfNeeded: attoseconds >> 64))
        text.append(",")
        text.write(UInt64(truncatingIfNeeded: attoseconds))
        text.append("]")
    }

    // MARK: Members

    private mutating func member(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        text.append(name)
        text.write(value)
    }

    private mutating func member(_ name: StaticString, _ value: Int?) {
        member(name, value.map(Int64.init))
    }

    private mutating func member(_ name: StaticString, _ value: Int64?) {
        guard let value else { return }
        text.append(name)
        text.write(value)
    }

    private mutating func rare(_ name: StaticString, _ value: (some Encodable)?) throws {
        guard let value else { return }
        text.append(name)
        text.append(try RowEncoder.bytes(of: value))
    }

    private mutating func list<Element>(
        _ elements: [Element],
        _ write: (inout TaskText, Element) throws -> Void
    ) throws {
        text.append("[")
        var isFirst = true
        for element in elements {
            if !isFirst { text.append(",") }
            isFirst = false
            try write(&self, element)
        }
        text.append("]")
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import NIOCore

/// A checked request, with the pictures that came along.
struct PictureOrder: Sendable {
    /// What is wanted.
    let request: ImageRequest
    /// The pictures of an edit.
    let pictures: EditPictures
    /// Whether the caller wants the answer as a stream of events.
    let streams: Bool
}

/// Reads a body, JSON or multipart, into an order that at least one candidate can carry out.
struct OrderReader {
    let parts: ServerParts
    let settings: ServerSettings

    /// Reads and checks a request.
    ///
    /// - Parameters:
    ///   - kind: What the path is for.
    ///   - request: The request.
    ///   - context: Who asks, on which connection.
    ///   - share: Room for the body.
    /// - Throws: ``InvalidRequest`` or ``APIError`` before anything is begun.
    func order(
        _ kind: ImageRequest.Kind,
        _ request: Request,
        _ context: GatewayContext,
        _ share: BodyRoom.Share
    ) async throws -> PictureOrder {
        let content = try await content(of: request, kind, context, share)
        let body = try ImageBody(try content.members())
        var draft = try body.draft(kind)
        let pictures = try content.pictures(kind)
        draft.inputs = pictures.inputs.map(\.image)
        draft.mask = pictures.mask?.image
        let wanted = try ImageRequest(draft)
        guard let model = parts.models[wanted.model] else {
            throw InvalidRequest(.modelNotFound, "model", "The model '\(wanted.model.prefix(100))' does not exist.")
        }
        guard context.caller.mayUse(wanted.model) else {
            throw InvalidRequest(.modelNotAllowed, "model", "This key may not use the model '\(wanted.model)'.")
        }
        try checkFit(wanted, model)
        try parts.check(wanted.webhookAddress)
        return PictureOrder(request: wanted, pictures: pictures, streams: try body.streams())
    }

    /// A request that no candidate can carry out, or in strict mode honors to the letter, is refused before anything is
    /// begun.
    private func checkFit(_ wanted: ImageRequest, _ model: PublicModel) throws(InvalidRequest) {
        var refusal: InvalidRequest?
        for capabilities in model.capabilities {
            do throws(InvalidRequest) {
                _ = try ModelFit(
                    wanted,
                    vendorModel: model.id,
                    capabilities: capabilities,
                    count: 1,
                    mode: settings.parameterMode,
                    transcodes: settings.transcodes
                )
                return
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }

    // MARK: The two kinds of bodies

    private enum Content {
        case json(JSON)
        case form(MultipartForm)

        func members() throws(InvalidRequest) -> JSON {
            switch self {
            case .json(let body): body
            case .form(let form): try form.members()
            }
        }

        func pictures(_ kind: ImageRequest.Kind) throws(InvalidRequest) -> EditPictures {
            switch self {
            case .form(let form): try EditPictures(form)
            // A body that gives pictures to draw from was refused already.
            case .json(let body): try EditPictures(kind == .edit ? body : .null)
            }
        }
    }

    private func content(
        of request: Request,
        _ kind: ImageRequest.Kind,
        _ context: GatewayContext,
        _ share: BodyRoom.Share
    ) async throws -> Content {
        if let length = request.headers.text(of: .contentLength).flatMap({ Int($0) }) {
            guard length <= settings.maxBody else { throw APIError.bodyTooLarge(settings.maxBody) }
            try share.grow(to: length)
        }
        // What nearly everybody sends is not taken apart.
        let type = request.headers.text(of: .contentType).flatMap {
            $0 == "application/json" ? nil : HeaderParameters($0)
        }
        switch type?.essence {
        case nil, "application/json":
            context.inviteBody(of: request)
            return .json(try await json(request, share))
        case "multipart/form-data" where kind == .edit:
            guard let type else { throw APIError.mediaType(kind) }
            let boundary: MultipartBoundary
            do throws(InvalidRequest) {
                boundary = try MultipartBoundary(contentType: type)
            } catch {
                throw APIError(leavingBody: error)
            }
            context.inviteBody(of: request)
            return .form(try await form(request, boundary, share))
        default: throw APIError.mediaType(kind)
        }
    }

    private func json(_ request: Request, _ share: BodyRoom.Share) async throws -> JSON {
        var body = ByteBuffer()
        try await read(request, share) { chunk throws(InvalidRequest) in
            // What comes in one piece, as nearly everything does, is not copied.
            if body.readableBytes == 0 { body = chunk } else { body.writeImmutableBuffer(chunk) }
        }
        do throws(JSONError) {
            return try JSON(reading: body)
        } catch {
            throw InvalidRequest(
                .invalidJSON,
                nil,
                "The body is not valid JSON: \(error.message) (byte \(error.offset))"
            )
        }
    }

    /// Parts are cut while they come: what is too large is refused before it is in memory.
    private func form(
        _ request: Request,
        _ boundary: MultipartBoundary,
        _ share: BodyRoom.Share
    ) async throws -> MultipartForm {
        var parser = MultipartParser(boundary)
        var form = MultipartForm()
        try await read(request, share) { chunk throws(InvalidRequest) in try parser.feed(chunk, to: &form) }
        try parser.finish()
        return form
    }

    /// Reads a body piece by piece, within its limit and the room for it.
    private func read(
        _ request: Request,
        _ share: BodyRoom.Share,
        _ take: (ByteBuffer) throws(InvalidRequest) -> Void
    ) async throws {
        var length = 0
        do {
            for try await chunk in request.body {
                length += chunk.readableBytes
                guard length <= settings.maxBody else { throw APIError.bodyTooLarge(settings.maxBody) }
                try share.grow(to: length)
                try take(chunk)
            }
        } catch let error as InvalidRequest {
            throw APIError(leavingBody: error)
        } catch let error as APIError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw APIError.brokenBody
        }
    }
}

extension APIError {
    /// A mistake that was found before the body had been read to its end.
    fileprivate init(leavingBody error: InvalidRequest) {
        self.init(error)
        leavesBody = true
    }

    fileprivate static func mediaType(_ kind: ImageRequest.Kind) -> APIError {
        let wanted =
            switch kind {
            case .generation: "JSON (Content-Type: application/json); pictures are edited at /v1/images/edits"
            case .edit: "multipart/form-data, or JSON (Content-Type: application/json)"
            }
        return APIError(.unsupportedMediaType, "unsupported_media_type", "The body must be \(wanted).")
    }
}

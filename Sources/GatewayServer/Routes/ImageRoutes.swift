// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// Making pictures: the synchronous call that waits for them, and the one that only makes a task.
struct ImageRoutes: Sendable {
    let parts: ServerParts
    let settings: ServerSettings
    let views: TaskViews

    func add(to routes: Routes) {
        routes.on(.post, "/v1/images/generations") { try await generate($0, $1) }
        routes.on(.post, "/v1/images/generations/async") { try await generateAsync($0, $1) }
    }

    // MARK: Handlers

    private func generateAsync(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let wanted = try await read(request, context)
        return try await accept(wanted, context, status: .ok)
    }

    private func generate(_ request: Request, _ context: GatewayContext) async throws -> Response {
        let wanted = try await read(request, context)
        let preference = Preference(request.headers[values: .prefer])
        if preference?.wait == .zero {
            var response = try await accept(wanted, context, status: .accepted)
            response.headers[.preferenceApplied] = preference?.text
            return response
        }
        guard wanted.responseFormat != .url || settings.hasStorage else {
            throw APIError(
                .serviceUnavailable,
                "image_url_not_available",
                "This gateway stores no pictures, so it cannot give links; ask for response_format b64_json.",
                parameter: "response_format",
                headers: [.shouldRetry: "false"]
            )
        }
        let longest = settings.syncWait
        var response = try await SynchronousCall(parts: parts, settings: settings, views: views)
            .run(wanted, context, wait: min(preference?.wait ?? longest, longest))
        // Said only where it is followed: without storage a call waits as long as its task lives.
        if let preference, preference.wait <= longest, settings.hasStorage {
            response.headers[.preferenceApplied] = preference.text
        }
        return response
    }

    /// Makes a task that any process may claim, and answers with it.
    private func accept(
        _ wanted: ImageRequest,
        _ context: GatewayContext,
        status: HTTPResponse.Status
    ) async throws -> Response {
        guard settings.hasStorage else { throw APIError.noStorage }
        let task = ImageTask(
            id: parts.taskIDs.next(),
            owner: context.caller.name,
            request: wanted,
            needsLink: true,
            createdAt: parts.time.now,
            linkLifetime: settings.linkLifetime
        )
        try await parts.store.create(task)
        parts.board.signalQueue()
        return try views.response(task, status: status, headers: [.location: views.path(of: task)])
    }

    // MARK: Reading

    private func read(_ request: Request, _ context: GatewayContext) async throws -> ImageRequest {
        let body = try await json(of: request)
        let wanted = try ImageRequest(try ImageBody(body).draft(.generation))
        guard let model = parts.models[wanted.model] else {
            throw InvalidRequest(.modelNotFound, "model", "The model '\(wanted.model.prefix(100))' does not exist.")
        }
        guard context.caller.mayUse(wanted.model) else {
            throw InvalidRequest(.modelNotAllowed, "model", "This key may not use the model '\(wanted.model)'.")
        }
        try checkStrictly(wanted, model)
        return wanted
    }

    /// In strict mode a request that no candidate honors to the letter is refused before anything is begun.
    private func checkStrictly(_ wanted: ImageRequest, _ model: PublicModel) throws(InvalidRequest) {
        guard settings.parameterMode == .strict else { return }
        var refusal: InvalidRequest?
        for capabilities in model.capabilities {
            do throws(InvalidRequest) {
                _ = try ModelFit(wanted, vendorModel: model.id, capabilities: capabilities, count: 1, mode: .strict)
                return
            } catch {
                refusal = refusal ?? error
            }
        }
        if let refusal { throw refusal }
    }

    private func json(of request: Request) async throws -> JSON {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.maxBody {
            throw APIError.bodyTooLarge(settings.maxBody)
        }
        let type = request.headers[.contentType].map { $0.prefix { $0 != ";" && $0 != " " }.lowercased() }
        guard type == nil || type == "application/json" else {
            throw APIError(
                .unsupportedMediaType,
                "unsupported_media_type",
                "The body must be JSON (Content-Type: application/json)."
            )
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: settings.maxBody)
        } catch is NIOTooManyBytesError {
            throw APIError.bodyTooLarge(settings.maxBody)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw APIError.brokenBody
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
}

/// What `Prefer` asks for: how long to wait before the answer is the task (RFC 7240).
struct Preference {
    let wait: Duration
    let text: String

    init?(_ values: [String]) {
        let tokens = values.flatMap { $0.split(separator: ",") }.map { token in
            token.prefix { $0 != ";" }.filter { !$0.isWhitespace && $0 != "\"" }.lowercased()
        }
        // Of `respond-async, wait=10` the RFC says: asynchronous, but not before 10 seconds.
        if let seconds = tokens.compactMap(Self.seconds).first {
            wait = .seconds(seconds)
            text = "wait=\(seconds)"
        } else if tokens.contains("respond-async") {
            wait = .zero
            text = "respond-async"
        } else {
            return nil
        }
    }

    private static func seconds(_ token: String) -> Int? {
        guard token.hasPrefix("wait="), let seconds = Int(token.dropFirst("wait=".count)),
            (0...86_400).contains(seconds)
        else { return nil }
        return seconds
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// Google's Gemini and Imagen models, under `/v1beta` and `/v1`.
struct GoogleVendor: EmulatedVendor {
    static let names = ["gemini", "imagen"]

    static var faults: [Fault] {
        GoogleFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) } + GeminiShape.faults
            + ImagenShape.faults.filter { $0.name != ImagenShape.refuse.rawValue }
    }

    static let aliases: [String: String] = [
        "400": "bad-key", "401": "unauthenticated", "403": "leaked-key", "404": "model-unknown", "413": "too-large",
        "429": "rate-limit", "499": "cancelled", "500": "internal", "502": "bad-gateway", "503": "unavailable",
        "504": "deadline", "no-image": "finish:NO_IMAGE",
    ]

    let stage: Stage

    func addRoutes(to router: Router<EmulatorContext>) {
        for version in ["v1beta", "v1"] {
            router.get("/\(version)/models") { request, _ in
                respond { () throws(GoogleFailure) in try list(request) }
            }
            router.get("/\(version)/models/{model}") { request, context in
                respond { () throws(GoogleFailure) in try show(request, context.parameters.get("model") ?? "", version)
                }
            }
            router.post("/\(version)/models/{model}") { request, context in
                try await serve(request, context, version: version)
            }
        }
    }

    // MARK: Lists

    private func respond(_ work: () throws(GoogleFailure) -> JSON) -> Response {
        do throws(GoogleFailure) {
            return Self.response(.json(try work()))
        } catch {
            return Self.response(error.answer)
        }
    }

    private func list(_ request: Request) throws(GoogleFailure) -> JSON {
        _ = try GoogleKeys.check(request, stage)
        let query = request.uri.queryParameters
        let models = GoogleModels.listed(imagen: stage.settings.imagen)
        guard let size = Int(query["pageSize"] ?? "50"), size >= 0 else {
            throw .invalid("Invalid value at 'page_size' (TYPE_INT32)")
        }
        guard let start = Int(query["pageToken"] ?? "0"), models.indices.contains(start) else {
            throw .invalid("Invalid page token.")
        }
        let end = min(models.count, start + min(size == 0 ? 50 : size, 1000))
        return JSON(present: [
            "models": .array(models[start..<end].map(\.json)),
            "nextPageToken": end < models.count ? JSON(String(end)) : nil,
        ])
    }

    /// Shows one model; a model that was shut down is still shown, only the list knows who can be called.
    private func show(_ request: Request, _ name: String, _ version: String) throws(GoogleFailure) -> JSON {
        _ = try GoogleKeys.check(request, stage)
        guard let model = GoogleModels.find(name) else {
            throw .unknownModel(name, version: version, method: "getModel")
        }
        return model.json
    }

    // MARK: Calls

    private func serve(_ request: Request, _ context: EmulatorContext, version: String) async throws -> Response {
        let path = context.parameters.get("model").flatMap { Self.unescaped($0) } ?? ""
        let parts = path.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let model = parts.first, let method = parts.last else { throw HTTPError(.notFound) }
        let scene = GoogleFault.Scene(model: String(model), version: version, method: String(method))
        do throws(GoogleFailure) {
            let key = try GoogleKeys.check(request, stage)
            switch method {
            case "generateContent": return try await generate(request, context, scene, key)
            case "predict": return try await predict(request, context, scene, key)
            default: throw .unknownModel(scene.model, version: version, method: scene.method)
            }
        } catch {
            stage.ledger.refuse(vendor: method == "predict" ? "imagen" : "gemini")
            return Self.response(error.answer)
        }
    }

    private func generate(
        _ request: Request,
        _ context: EmulatorContext,
        _ scene: GoogleFault.Scene,
        _ key: String
    ) async throws(GoogleFailure) -> Response {
        let wanted = try GeminiRequest(try await body(request), version: scene.version)
        let model = try model(scene)
        let plan = try GeminiPlan(wanted, model)
        let inputs = wanted.pictures.map { CyclicChecksum.shown($0.data) }
        let call = try accept("gemini", scene.model, wanted.prompt, key, inputs)
        return await stage.play(call, context) { call in
            await answer(call, scene) { () throws(DrawingError) in
                let answer = GeminiAnswer(model: scene.model, plan: plan, call: call, studio: stage.studio)
                return .json(try await answer.make())
            }
        }
    }

    private func predict(
        _ request: Request,
        _ context: EmulatorContext,
        _ scene: GoogleFault.Scene,
        _ key: String
    ) async throws(GoogleFailure) -> Response {
        let message = try ImagenRequest.read(try await body(request))
        guard case .imagen(let traits) = try model(scene).skill else { throw unknown(scene) }
        let wanted = try ImagenRequest(message, traits)
        let call = try accept("imagen", scene.model, wanted.prompt, key)
        return await stage.play(call, context) { call in
            await answer(call, scene) { () throws(DrawingError) in
                try await ImagenAnswer(model: scene.model, request: wanted, call: call, studio: stage.studio).make()
            }
        }
    }

    /// Answers with an error of the whole service, or has the model work.
    private func answer(
        _ call: AcceptedCall,
        _ scene: GoogleFault.Scene,
        _ work: () async throws(DrawingError) -> EmulatedAnswer
    ) async -> EmulatedAnswer {
        let fault = call.conduct.fault(GoogleFault.self)
        if let fault, fault != .deadlineBilled { return fault.answer(scene) }
        do throws(DrawingError) {
            let drawn = try await work()
            return fault?.answer(scene) ?? drawn
        } catch {
            return GoogleFailure(500, "INTERNAL", error.message).answer
        }
    }

    private func accept(
        _ vendor: String,
        _ model: String,
        _ prompt: String,
        _ key: String,
        _ inputs: [String] = []
    ) throws(GoogleFailure) -> AcceptedCall {
        do throws(EmulatorSettingsError) {
            return try stage.accept(
                VendorAsk(vendor: vendor, model: model, prompt: prompt, key: key, inputs: inputs)
            )
        } catch {
            throw .invalid("The prompt has a magic word that cannot be followed. \(error.message)")
        }
    }

    private func model(_ scene: GoogleFault.Scene) throws(GoogleFailure) -> GoogleModel {
        let settings = stage.settings
        guard let model = GoogleModels.find(scene.model), model.method == scene.method else { throw unknown(scene) }
        if case .imagen = model.skill, settings.imagen == .retired { throw unknown(scene) }
        if case .retired(let successor) = model.standing { throw .retiredModel(scene.model, successor: successor) }
        guard !settings.closedModels.contains(scene.model) else { throw .closedModel(scene.model) }
        return model
    }

    private func unknown(_ scene: GoogleFault.Scene) -> GoogleFailure {
        .unknownModel(scene.model, version: scene.version, method: scene.method)
    }

    private func body(_ request: Request) async throws(GoogleFailure) -> ByteBuffer {
        let limit = stage.settings.requestLimit
        do {
            return try await request.body.collect(upTo: limit)
        } catch {
            throw .invalid("Request payload size exceeds the limit: \(limit) bytes.")
        }
    }

    private static func response(_ answer: EmulatedAnswer) -> Response {
        Response(status: answer.status, headers: answer.headers, body: ResponseBody(contentsOf: answer.body))
    }

    /// Clients may write the colon in front of the method as `%3A`.
    private static func unescaped(_ path: String) -> String? {
        path.replacing("%3A", with: ":").replacing("%3a", with: ":")
    }
}

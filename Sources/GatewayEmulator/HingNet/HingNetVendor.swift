// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The HingNet gateway, under `/hingnet`: its `/v1/models` would collide with Google's.
struct HingNetVendor: EmulatedVendor {
    static let names = ["hingnet"]
    static let basePath = "/hingnet"

    static var faults: [Fault] {
        HingNetFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + HingNetShape.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + HingNetResultFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
    }

    static var aliases: [String: String] { HingNetFault.aliases }

    private let stage: Stage
    private let tasks = HingNetTasks()

    init(stage: Stage) {
        self.stage = stage
    }

    func addRoutes(to router: Router<EmulatorContext>) {
        for family in ["generations", "edits"] {
            let path = "\(Self.basePath)/v1/images/\(family)"
            let isEdit = family == "edits"
            router.post("\(path)") { request, context in
                await draw(Visit(request, context), isEdit: isEdit, isTask: false)
            }
            router.post("\(path)/async") { request, context in
                await draw(Visit(request, context), isEdit: isEdit, isTask: true)
            }
            router.get("\(path)/{id}") { request, context in
                await show(Visit(request, context), context.parameters.get("id") ?? "", isEdit: isEdit)
            }
        }
        router.get("\(Self.basePath)/v1/models") { request, context in
            await list(Visit(request, context), nil)
        }
        router.get("\(Self.basePath)/v1/models/{model}") { request, context in
            await list(Visit(request, context), context.parameters.get("model"))
        }
        let files = HingNetFileRoute(stage: stage, tasks: tasks)
        router.get("\(HingNetFileRoute.path)/{name}") { request, context in
            await files.answer(request, name: context.parameters.get("name") ?? "")
        }
        router.head("\(HingNetFileRoute.path)/{name}") { _, _ in files.headRefusal }
        for method in [HTTPRequest.Method.get, .post] {
            router.on("\(Self.basePath)/**", method: method) { request, context in
                let visit = Visit(request, context)
                return visit.response(visit.answer(.unknownPath("\(method) \(request.uri.path)")))
            }
        }
    }

    /// One request, and the number it has in every answer and in the vendor's log.
    private struct Visit: Sendable {
        let request: Request
        let context: EmulatorContext
        let id: String

        init(_ request: Request, _ context: EmulatorContext) {
            self.request = request
            self.context = context
            let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
            let noise = (0..<8).compactMap { _ in digits.randomElement() }
            id = "20260102080000\(Int.random(in: 100_000_000...999_999_999))" + String(noise)
        }

        var authority: String { request.head.authority ?? "localhost" }

        func answer(_ failure: HingNetFailure) -> EmulatedAnswer { failure.answer(id) }

        func response(_ answer: EmulatedAnswer) -> Response {
            numbered(Response(status: answer.status, headers: answer.headers, body: .init(contentsOf: answer.body)))
        }

        func numbered(_ response: Response) -> Response {
            var response = response
            if let name = HTTPField.Name("X-Oneapi-Request-Id") { response.headers[name] = id }
            return response
        }
    }

    // MARK: Pictures

    private func draw(_ visit: Visit, isEdit: Bool, isTask: Bool) async -> Response {
        do throws(HingNetFailure) {
            let key = try key(visit)
            let fields = try await fields(visit, isEdit, isTask)
            let request = try HingNetRequest(fields, isEdit: isEdit, isTask: isTask)
            if let status = stage.settings.hingnetStorageOff {
                if isTask { throw .storageOff(status) }
                if request.wantsURL { throw .noAddress }
            }
            let call = try accept(request, key, fields.checksums)
            let response = await stage.play(call, visit.context, after: isTask ? .zero : nil, outlives: isTask) {
                call in
                await answer(visit, request, call, isTask: isTask)
            }
            return visit.numbered(response)
        } catch {
            stage.ledger.refuse(vendor: "hingnet")
            return visit.response(visit.answer(error))
        }
    }

    private func answer(
        _ visit: Visit,
        _ request: HingNetRequest,
        _ call: AcceptedCall,
        isTask: Bool
    ) async -> EmulatedAnswer {
        if let fault = call.conduct.fault(HingNetFault.self) {
            if fault.isBilled { call.bill(pictures: request.count) }
            call.end()
            return fault.answer(model: request.model.id, path: visit.request.uri.path, requestID: visit.id)
        }
        let answer = HingNetAnswer(stage: stage, tasks: tasks, authority: visit.authority)
        if isTask { return answer.receipt(request, call) }
        do throws(DrawingError) {
            return try await answer.pictures(request, call)
        } catch {
            return visit.answer(HingNetFailure(500, nil, error.message, type: "one_hub_panic"))
        }
    }

    private func fields(_ visit: Visit, _ isEdit: Bool, _ isTask: Bool) async throws(HingNetFailure) -> HingNetFields {
        let body: ByteBuffer
        do {
            body = try await visit.request.body.collect(upTo: stage.settings.requestLimit)
        } catch {
            throw HingNetFailure(413, nil, "request body too large", type: "one_hub_error")
        }
        let type = visit.request.headers[.contentType] ?? ""
        if isEdit, isTask || type.lowercased().hasPrefix("multipart/") {
            return try HingNetFields(form: try HingNetForm(body, contentType: type))
        }
        return try HingNetFields(json: body)
    }

    private func accept(
        _ request: HingNetRequest,
        _ key: String,
        _ inputs: [String]
    ) throws(HingNetFailure) -> AcceptedCall {
        do throws(EmulatorSettingsError) {
            return try stage.accept(
                VendorAsk(
                    vendor: "hingnet",
                    model: request.model.id,
                    prompt: request.prompt,
                    key: key,
                    inputs: inputs
                )
            )
        } catch {
            throw .malformed("The prompt has a magic word that cannot be followed. \(error.message)")
        }
    }

    /// The key of a call; a leading `sk-` is no part of it.
    private func key(_ visit: Visit) throws(HingNetFailure) -> String {
        let header = visit.request.headers[.authorization] ?? ""
        guard header.hasPrefix("Bearer ") else { throw .badKey }
        let key = String(header.dropFirst("Bearer ".count))
        let bare = key.hasPrefix("sk-") ? String(key.dropFirst("sk-".count)) : key
        guard stage.isGood(key: key) || stage.isGood(key: bare) else { throw .badKey }
        return key
    }

    // MARK: Questions

    private func show(_ visit: Visit, _ id: String, isEdit: Bool) async -> Response {
        do throws(HingNetFailure) {
            _ = try key(visit)
            guard let task = tasks.ask(id, isEdit: isEdit) else { throw .unknownTask }
            if task.shape == .pollErrors, task.questions <= 2 {
                let fault: HingNetFault = task.questions == 1 ? .badGateway : .emptyLimit
                return visit.response(fault.answer(model: task.model, path: "", requestID: visit.id))
            }
            let answer = HingNetAnswer(stage: stage, tasks: tasks, authority: visit.authority)
            guard let state = answer.state(of: task) else { throw .unknownTask }
            return visit.response(state)
        } catch {
            return visit.response(visit.answer(error))
        }
    }

    /// The models, or one of them; that there is none of a name is an error of status 200.
    private func list(_ visit: Visit, _ name: String?) async -> Response {
        do throws(HingNetFailure) {
            _ = try key(visit)
            guard let name else {
                let models = HingNetModel.all.map(\.json)
                return visit.response(.json(["object": "list", "data": .array(models)]))
            }
            guard let model = HingNetModel.find(name) else {
                throw HingNetFailure(
                    200,
                    "model_not_found",
                    "The model '\(name.prefix(100))' does not exist",
                    type: "invalid_request_error",
                    param: "model"
                )
            }
            return visit.response(.json(model.json))
        } catch {
            return visit.response(visit.answer(error))
        }
    }
}

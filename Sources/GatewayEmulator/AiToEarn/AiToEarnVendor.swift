// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// AiToEarn's open platform, under `/aitoearn`; its pictures are where its address ends, like those of the original.
struct AiToEarnVendor: EmulatedVendor {
    static let names = ["aitoearn"]
    static let basePath = "/aitoearn"

    static var faults: [Fault] {
        AiToEarnFailure.all.map { Fault(name: "code-\($0.code)", summary: "HTTP 200, code \($0.code): \($0.english).") }
            + AiToEarnPage.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + AiToEarnFate.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + AiToEarnShape.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
            + AssetFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
    }

    static let aliases: [String: String] = [
        "400": "code-400", "401": "code-401", "403": "code-403", "404": "code-12300", "413": "page-413",
        "429": "code-429", "500": "code-500", "502": "page-502", "503": "page-503", "504": "page-504",
        "no-image": "no-images",
    ]

    /// What the front end lets through.
    static let largestBody = 50 << 20
    let stage: Stage
    let desk = AiToEarnDesk()

    init(stage: Stage) {
        self.stage = stage
    }

    func addRoutes(to router: Router<EmulatorContext>) {
        let api = "\(Self.basePath)/api"
        router.post("\(api)/ai/image/generate/async") { request, context in
            await submit(request, context, editing: false)
        }
        router.post("\(api)/ai/image/edit/async") { request, context in await submit(request, context, editing: true) }
        router.get("\(api)/ai/image/task/{name}") { request, context in
            await show(request, context.parameters.get("name") ?? "")
        }
        for (path, editing) in [("generation", false), ("edit", true)] {
            router.get("\(api)/ai/models/image/\(path)") { request, _ in
                respond(to: request) { envelope throws(AiToEarnFailure) in
                    // Public, but a key that is sent is looked at.
                    if request.headers[.aiToEarnKey] != nil { _ = try key(of: request) }
                    return envelope.success(AiToEarnModel.list(editing: editing))
                }
            }
        }
        for method in [HTTPRequest.Method.get, .post, .put, .delete] {
            router.on("\(Self.basePath)/**", method: method) { request, _ in
                respond(to: request) { _ throws(AiToEarnFailure) in
                    let path = request.uri.path.dropFirst(Self.basePath.count)
                    throw AiToEarnFailure(404, "Cannot \(method) \(path)", "Cannot \(method) \(path)")
                }
            }
        }
        AiToEarnFiles(stage: stage, desk: desk).addRoutes(to: router)
        AiToEarnBooks(stage: stage, desk: desk).addRoutes(to: router)
    }

    private func respond(
        to request: Request,
        _ work: (AiToEarnEnvelope) throws(AiToEarnFailure) -> EmulatedAnswer
    ) -> Response {
        let envelope = AiToEarnEnvelope(request)
        do throws(AiToEarnFailure) {
            return try work(envelope).response
        } catch {
            return envelope.failure(error, at: stage.time.now).response
        }
    }

    private func key(of request: Request) throws(AiToEarnFailure) -> String {
        guard let key = request.headers[.aiToEarnKey], stage.isGood(key: key) else { throw .unauthorized }
        return key
    }

    // MARK: Submissions

    private func submit(_ request: Request, _ context: EmulatorContext, editing: Bool) async -> Response {
        let envelope = AiToEarnEnvelope(request)
        do throws(AiToEarnFailure) {
            let key = try key(of: request)
            guard let body = await body(of: request) else { return AiToEarnPage.tooLarge.answer.response }
            let order = try read(body, editing: editing)
            guard order.model == AiToEarnModel.name else { throw .noModel }
            guard desk.deduct(order.price, at: stage.time.now) else { throw .noCredit }
            let call = try accept(order, key)
            // What was taken is given back by whatever ends without a task.
            let counter = AiToEarnCounter(order: order, plan: order.plan(), stage: stage, desk: desk)
            let pause: Duration = counter.has(.slowSubmit, call) ? stage.settings.drip : .zero
            let payment = AiToEarnPayment(price: order.price, desk: desk)
            return await stage.play(call, context, after: pause, outlives: true) { call in
                counter.serve(call, payment, envelope)
            }
        } catch {
            stage.ledger.refuse(vendor: "aitoearn")
            return envelope.failure(error, at: stage.time.now).response
        }
    }

    private func body(of request: Request) async -> ByteBuffer? {
        do {
            return try await request.body.collect(upTo: Self.largestBody)
        } catch {
            return nil
        }
    }

    private func read(_ body: ByteBuffer, editing: Bool) throws(AiToEarnFailure) -> AiToEarnOrder {
        var failure = AiToEarnFailure.invalid(desk.validationCode)
        do {
            return try AiToEarnOrder(try JSON(reading: body), editing: editing)
        } catch let mistake as AiToEarnMistake {
            failure.data = ["details": JSON(mistake.sentence)]
        } catch {
            failure.data = ["details": "The body is not JSON."]
        }
        throw failure
    }

    private func accept(_ order: AiToEarnOrder, _ key: String) throws(AiToEarnFailure) -> AcceptedCall {
        do throws(EmulatorSettingsError) {
            return try stage.accept(
                VendorAsk(
                    vendor: "aitoearn",
                    model: order.model,
                    prompt: order.prompt,
                    key: key,
                    inputs: order.checksums
                )
            )
        } catch {
            desk.giveBack(order.price)
            throw .invalid(400, "The prompt has a magic word that cannot be followed. \(error.message)")
        }
    }

    // MARK: Polls

    private func show(_ request: Request, _ name: String) async -> Response {
        let envelope = AiToEarnEnvelope(request)
        let now = stage.time.now
        do throws(AiToEarnFailure) {
            _ = try key(of: request)
            guard name.utf8.count == 24, name.allSatisfy(\.isHexDigit) else { throw .invalid(10002) }
            guard let task = desk.ask(for: name, at: now) else { throw .noSuchTask }
            let view = AiToEarnView(task: task, origin: AiToEarnFiles.origin(of: request), studio: stage.studio)
            return try await view.answer(envelope).response
        } catch {
            return envelope.failure(error, at: now).response
        }
    }
}

extension HTTPField.Name {
    /// The header of the key; the name is one that cannot fail.
    fileprivate static let aiToEarnKey = HTTPField.Name("x-api-key") ?? .authorization
}

extension EmulatedAnswer {
    /// The answer, sent as it is.
    var response: Response {
        Response(status: status, headers: headers, body: ResponseBody(contentsOf: body))
    }
}

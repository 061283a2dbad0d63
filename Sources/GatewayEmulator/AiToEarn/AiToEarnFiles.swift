// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The finished pictures, at addresses without signature or end, for whoever knows them.
struct AiToEarnFiles: Sendable {
    /// The account that every address names.
    private static let user = "67a0c4d19be2f35a8c01d7e4"
    private static let hugeFile = 100_000_000
    private static let piece = 1 << 18

    let stage: Stage
    let desk: AiToEarnDesk

    func addRoutes(to router: Router<EmulatorContext>) {
        router.get("/\(Self.user)/ai/images/{model}/{month}/{file}") { request, context in
            try await serve(request, context.parameters.get("file") ?? "")
        }
    }

    /// The path of a picture, without a slash in front.
    static func path(of file: String, _ task: AiToEarnTask) -> String {
        let month = CivilDate(task.due ?? task.createdAt).basicDay.prefix(6)
        return "\(user)/ai/images/\(task.order.model)/\(month)/\(file).png"
    }

    /// The address by which a caller reached the emulator.
    static func origin(of request: Request) -> String {
        "http://\(request.head.authority ?? "127.0.0.1")"
    }

    /// What is drawn for one picture of a task.
    static func drawing(_ task: AiToEarnTask, _ number: Int) -> PictureOrder {
        PictureOrder(
            label: "\(task.order.model)  \(task.plan.size)",
            size: task.plan.size,
            format: .png,
            prompt: task.call.prompt,
            variation: task.call.conduct.variation &* 16 &+ UInt64(number),
            paddedTo: task.call.conduct.pictureBytes
        )
    }

    private func serve(_ request: Request, _ name: String) async throws -> Response {
        guard name.hasSuffix(".png"), let (task, number, served) = desk.file(String(name.dropLast(4))), task.isOver
        else {
            return Self.page(.notFound)
        }
        let fault = task.call.conduct.fault(AssetFault.self)
        switch fault {
        case .forbidden: return Self.page(.forbidden)
        case .missing: return Self.page(.notFound)
        case .flaky where served == 0: return Self.page(.serviceUnavailable)
        case .huge, .endless: return flood(isEndless: fault == .endless)
        case .tiny: return Self.file([0x89])
        case .empty: return Self.file([])
        case .text: return Self.file([UInt8]("This is not a picture.\n".utf8))
        case .vector: return Self.file([UInt8](Self.drawing.utf8), type: "image/svg+xml")
        case .redirect: return Self.redirect(to: "http://169.254.169.254/latest/meta-data/")
        case .circle: return Self.redirect(to: request.uri.path)
        case .flaky, .slow, .cut, .truncated, nil: break
        }
        let lie = task.call.conduct.fault(PictureFault.self)
        let file = try await stage.studio.file(Self.drawing(task, number), lie)
        let type = lie == .wrongType ? "image/jpeg" : "image/png"
        let answer = EmulatedAnswer(status: .ok, headers: [.contentType: type], body: [file])
        let spoilt: TransportFault? =
            fault == .slow ? .drip : fault == .cut ? .cut : fault == .truncated ? .truncated : nil
        return Delivery(answer: answer, fault: spoilt, call: nil, stage: stage).response
    }

    private static let drawing =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"8\" height=\"8\"><script>alert(1)</script></svg>"

    private static func page(_ status: HTTPResponse.Status) -> Response {
        EmulatedAnswer.html(status, "\(status.code)", "The file cannot be served.").response
    }

    private static func file(_ bytes: [UInt8], type: String = "image/png") -> Response {
        Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    private static func redirect(to address: String) -> Response {
        Response(status: .found, headers: [.location: address])
    }

    /// The beginning of a PNG, and noise behind it.
    private func flood(isEndless: Bool) -> Response {
        var beginning: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
        beginning += [UInt8]("IHDR".utf8) + [0, 0, 4, 0, 0, 0, 4, 0, 8, 2, 0, 0, 0]
        PicturePadding.appendNoise(Self.piece - beginning.count, seed: 7, to: &beginning)
        let piece = ByteBuffer(bytes: beginning)
        let hold = stage.settings.hold
        let body = ResponseBody(contentLength: isEndless ? nil : Self.hugeFile) { writer in
            var sent = 0
            let pause: Duration = .milliseconds(20)
            var waited: Duration = .zero
            while isEndless ? waited < hold : sent < Self.hugeFile {
                let part = isEndless ? piece.readableBytes : min(piece.readableBytes, Self.hugeFile - sent)
                try await writer.write(piece.getSlice(at: piece.readerIndex, length: part) ?? piece)
                sent += part
                guard isEndless else { continue }
                guard await stage.bell.sleep(for: pause, on: stage.time) else { break }
                waited += pause
            }
            if isEndless { throw Delivery.Cut() }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "image/png"], body: body)
    }
}

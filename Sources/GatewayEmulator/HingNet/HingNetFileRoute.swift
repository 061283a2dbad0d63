// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The storage that pictures are fetched from: signed addresses, good for a day, for GET only.
struct HingNetFileRoute: Sendable {
    let stage: Stage
    let tasks: HingNetTasks

    static let path = "\(HingNetVendor.basePath)/files"

    /// The address of a picture.
    ///
    /// - Parameters:
    ///   - id: The task or call it belongs to.
    ///   - place: Which of its pictures.
    ///   - files: All of them.
    ///   - authority: The host and port that the caller knows the emulator by.
    func address(_ id: String, _ place: Int, _ files: HingNetFiles, authority: String) -> String {
        let name = "\(id)-\(place).\(files.orders[place].format.fileExtension)"
        let expires = files.expires.seconds
        let signature = tasks.signature(name, expires)
        return "http://\(authority)\(Self.path)/\(name)?Expires=\(expires)&Signature=\(signature)"
    }

    /// Answers a call of an address.
    func answer(_ request: Request, name: String) async -> Response {
        if request.headers[.authorization] != nil {
            // Storage knows one way to prove a right, and it is in the address already.
            return refusal(.badRequest, "InvalidArgument", "Only one auth mechanism allowed")
        }
        let query = request.uri.queryParameters
        guard let expires = query["Expires"].flatMap({ Int64($0) }),
            query["Signature"].map({ String($0) }) == tasks.signature(name, expires)
        else { return refusal(.forbidden, "SignatureDoesNotMatch", "The request signature does not match") }
        guard stage.time.now < Timestamp(seconds: expires) else {
            return refusal(.forbidden, "AccessDenied", "Request has expired")
        }
        let parts = name.split(separator: ".").first?.split(separator: "-") ?? []
        guard parts.count == 2, let place = Int(parts[1]), let files = tasks.files(of: String(parts[0])),
            files.orders.indices.contains(place)
        else { return refusal(.notFound, "NoSuchKey", "The specified key does not exist.") }
        do throws(DrawingError) {
            return try await file(files.orders[place], files)
        } catch {
            return refusal(.internalServerError, "InternalError", error.message)
        }
    }

    /// What HEAD is answered: the signature is for GET.
    var headRefusal: Response { refusal(.forbidden, "SignatureDoesNotMatch", "The request signature does not match") }

    private func file(_ order: PictureOrder, _ files: HingNetFiles) async throws(DrawingError) -> Response {
        switch files.fault {
        case .forbidden: return refusal(.forbidden, "AccessDenied", "Access denied")
        case .missing: return refusal(.notFound, "NoSuchKey", "The specified key does not exist.")
        case .text:
            return plain("text/html", ByteBuffer(string: "<!DOCTYPE html><html><body>Please sign in.</body></html>"))
        case .svg:
            let picture = #"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#
            return plain("image/svg+xml", ByteBuffer(string: picture))
        case .tiny: return plain("image/png", ByteBuffer(bytes: [0x89]))
        case .redirect:
            return Response(status: .found, headers: [.location: "http://169.254.169.254/latest/meta-data/"])
        case .huge: return huge
        case .slow, .endless, .truncated, nil: break
        }
        let isLie = files.pictureFault == .wrongType
        let type = isLie ? (order.format == .png ? PictureFormat.jpeg : .png) : order.format
        let bytes = try await stage.studio.file(order, files.pictureFault)
        let answer = EmulatedAnswer(status: .ok, headers: [.contentType: type.mediaType], body: [bytes])
        let faults: [HingNetResultFault: TransportFault] = [.slow: .drip, .endless: .endless, .truncated: .cut]
        let fault = files.fault.flatMap { faults[$0] }
        return Delivery(answer: answer, fault: fault, call: nil, stage: stage).response
    }

    private var huge: Response {
        let piece = ByteBuffer(repeating: 0, count: 1 << 20)
        let pieces = 10_240
        let body = ResponseBody(contentLength: pieces << 20) { writer in
            for _ in 0..<pieces { try await writer.write(piece) }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "image/png"], body: body)
    }

    private func plain(_ type: String, _ body: ByteBuffer) -> Response {
        Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: body))
    }

    private func refusal(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> Response {
        let text =
            #"<?xml version="1.0" encoding="UTF-8"?>"#
            + "<Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
        return Response(
            status: status,
            headers: [.contentType: "application/xml"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}

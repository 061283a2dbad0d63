// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The pictures of the local store, by signed link only.
struct FileRoutes: Sendable {
    let files: any LinkedFiles
    let time: any TimeSource

    /// How much of a file is in memory at once.
    private static let piece = 256 << 10

    func add(to routes: Routes) {
        routes.on(.get, "/files/**") { request, _ in try await file(request) }
    }

    private func file(_ request: Request) async throws -> Response {
        let path = String(request.uri.path.dropFirst("/files/".count))
        let file = try await files.open(path: path, query: request.uri.query ?? "", now: time.now)
        var headers: HTTPFields = [
            .contentType: file.contentType, .eTag: file.entityTag, .acceptRanges: "bytes",
            .lastModified: CivilDate(file.modified).http, .xContentTypeOptions: "nosniff",
            .cacheControl: "private, max-age=3600",
        ]
        if let disposition = file.disposition { headers[.contentDisposition] = disposition }
        let wish = FileWish(file, request.headers)
        if wish.isRefused { throw Self.changed }
        if wish.isUnchanged { return Response(status: .notModified, headers: headers) }
        let parts = request.method == .get ? wish.parts : nil
        switch parts?.count {
        case nil: return Self.response(.ok, headers, file, [.part(0..<file.length)])
        case 0: throw Self.unsatisfiable(file)
        case 1:
            let part = parts?.first ?? 0..<0
            headers[.contentRange] = Self.place(part, in: file)
            return Self.response(.partialContent, headers, file, [.part(part)])
        default:
            let boundary = "part-\(UInt64.random(in: .min ... .max))"
            let pieces = Self.pieces(parts ?? [], of: file, boundary: boundary)
            headers[.contentType] = "multipart/byteranges; boundary=\(boundary)"
            return Self.response(.partialContent, headers, file, pieces)
        }
    }

    /// What a body is made of.
    private enum Piece: Sendable {
        case text(String)
        case part(Range<Int>)

        var length: Int {
            switch self {
            case .text(let text): text.utf8.count
            case .part(let range): range.count
            }
        }
    }

    private static func pieces(_ parts: [Range<Int>], of file: LinkedFile, boundary: String) -> [Piece] {
        var pieces: [Piece] = []
        for part in parts {
            let head =
                "\r\n--\(boundary)\r\nContent-Type: \(file.contentType)\r\n"
                + "Content-Range: \(place(part, in: file))\r\n\r\n"
            pieces += [.text(head), .part(part)]
        }
        return pieces + [.text("\r\n--\(boundary)--\r\n")]
    }

    private static func response(
        _ status: HTTPResponse.Status,
        _ headers: HTTPFields,
        _ file: LinkedFile,
        _ pieces: [Piece]
    ) -> Response {
        let length = pieces.reduce(0) { $0 + $1.length }
        var headers = headers
        headers[.contentLength] = String(length)
        let body = ResponseBody(contentLength: length) { writer in
            for piece in pieces {
                switch piece {
                case .text(let text): try await writer.write(ByteBuffer(string: text))
                case .part(let range): try await copy(range, of: file, to: &writer)
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static func copy(
        _ range: Range<Int>,
        of file: LinkedFile,
        to writer: inout any ResponseBodyWriter
    ) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let bytes = try await file.read(offset, min(piece, range.upperBound - offset))
            guard bytes.readableBytes > 0 else {
                throw ObjectError(.unavailable, isTemporary: true, "A file became shorter.")
            }
            offset += bytes.readableBytes
            try await writer.write(bytes)
        }
    }

    private static func place(_ range: Range<Int>, in file: LinkedFile) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.length)"
    }

    private static let changed = APIError(
        .preconditionFailed,
        "precondition_failed",
        "The picture is not the version that was asked for."
    )

    private static func unsatisfiable(_ file: LinkedFile) -> APIError {
        APIError(
            .rangeNotSatisfiable,
            "invalid_value",
            "The picture has \(file.length) bytes; the range lies behind them.",
            parameter: "Range",
            headers: [.contentRange: "bytes */\(file.length)"]
        )
    }
}

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
        if Self.isUnchanged(file, request.headers) { return Response(status: .notModified, headers: headers) }
        let selection = request.method == .get ? try Self.selection(of: file, request.headers) : nil
        let range = selection ?? 0..<file.length
        if let selection {
            headers[.contentRange] = "bytes \(selection.lowerBound)-\(selection.upperBound - 1)/\(file.length)"
        }
        headers[.contentLength] = String(range.count)
        let status: HTTPResponse.Status = selection == nil ? .ok : .partialContent
        let body = ResponseBody(contentLength: range.count) { writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let bytes = try await file.read(offset, min(Self.piece, range.upperBound - offset))
                guard bytes.readableBytes > 0 else {
                    throw ObjectError(.unavailable, isTemporary: true, "A file became shorter.")
                }
                offset += bytes.readableBytes
                try await writer.write(bytes)
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static func isUnchanged(_ file: LinkedFile, _ headers: HTTPFields) -> Bool {
        if let tags = headers[.ifNoneMatch] {
            // A cache may have marked the tag as weak; for this question that makes no difference.
            let same = ["*", file.entityTag, "W/\(file.entityTag)"]
            let known = tags.filter { !$0.isWhitespace }.split(separator: ",")
            return known.contains { same.contains(String($0)) }
        }
        return headers[.ifModifiedSince] == CivilDate(file.modified).http
    }

    /// The one range that is asked for; `nil` for the whole file.
    ///
    /// Several ranges, and forms that cannot be read, get the whole file, as RFC 9110 allows.
    ///
    /// - Throws: 416 for a range that lies behind the file's end.
    private static func selection(of file: LinkedFile, _ headers: HTTPFields) throws(APIError) -> Range<Int>? {
        if let condition = headers[.ifRange], condition != file.entityTag { return nil }
        guard let text = headers[.range], text.hasPrefix("bytes="), !text.contains(",") else { return nil }
        let bounds = text.dropFirst("bytes=".count).split(
            separator: "-",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard bounds.count == 2 else { return nil }
        let range: Range<Int>
        switch (Int(bounds[0]), Int(bounds[1])) {
        case (let first?, let last?) where first <= last: range = first..<max(first, min(last, file.length - 1) + 1)
        case (let first?, nil) where bounds[1].isEmpty: range = first..<max(first, file.length)
        case (nil, let count?) where bounds[0].isEmpty && count >= 0: range = max(0, file.length - count)..<file.length
        default: return nil
        }
        if range.isEmpty { throw unsatisfiable(file) }
        return range
    }

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

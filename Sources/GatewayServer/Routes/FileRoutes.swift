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
        routes.on(.get, "/files/**") { request, _ in try await file(request, sendsBody: true) }
        routes.on(.head, "/files/**") { request, _ in try await file(request, sendsBody: false) }
    }

    private func file(_ request: Request, sendsBody: Bool) async throws -> Response {
        let path = String(request.uri.path.dropFirst("/files/".count))
        let file = try await files.open(path: path, query: request.uri.query ?? "", now: time.now)
        var headers: HTTPFields = [
            .contentType: file.contentType, .eTag: file.entityTag, .acceptRanges: "bytes",
            .lastModified: CivilDate(file.modified).http, .xContentTypeOptions: "nosniff",
            .cacheControl: "private, max-age=3600",
        ]
        if Self.isUnchanged(file, request.headers) { return Response(status: .notModified, headers: headers) }
        guard let range = Self.range(of: file, request.headers) else {
            headers[.contentRange] = "bytes */\(file.length)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
        let isPart = range.count < file.length
        if isPart { headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.length)" }
        headers[.contentLength] = String(range.count)
        let status: HTTPResponse.Status = isPart ? .partialContent : .ok
        guard sendsBody else { return Response(status: status, headers: headers) }
        let body = ResponseBody(contentLength: range.count) { writer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let bytes = try await file.read(offset, min(Self.piece, range.upperBound - offset))
                guard bytes.readableBytes > 0 else { throw ObjectError(.unavailable, isTemporary: true, "A file became shorter.") }
                offset += bytes.readableBytes
                try await writer.write(bytes)
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private static func isUnchanged(_ file: LinkedFile, _ headers: HTTPFields) -> Bool {
        if let tags = headers[.ifNoneMatch] {
            return tags == "*" || tags.split(separator: ",").contains { $0.trimmingPrefix(while: \.isWhitespace) == file.entityTag }
        }
        return headers[.ifModifiedSince] == CivilDate(file.modified).http
    }

    /// The one range that is asked for, the whole file without one; `nil` if it lies behind the file's end.
    ///
    /// Several ranges, and forms that cannot be read, get the whole file, as RFC 9110 allows.
    private static func range(of file: LinkedFile, _ headers: HTTPFields) -> Range<Int>? {
        let whole = 0..<file.length
        if let condition = headers[.ifRange], condition != file.entityTag { return whole }
        guard let text = headers[.range], text.hasPrefix("bytes="), !text.contains(",") else { return whole }
        let bounds = text.dropFirst("bytes=".count).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return whole }
        switch (Int(bounds[0]), Int(bounds[1])) {
        case (let first?, let last?) where first <= last:
            return first < file.length ? first..<min(last + 1, file.length) : nil
        case (let first?, nil) where bounds[1].isEmpty:
            return first < file.length ? first..<file.length : nil
        case (nil, let count?) where bounds[0].isEmpty && count > 0:
            return max(0, file.length - count)..<file.length
        default:
            return whole
        }
    }
}

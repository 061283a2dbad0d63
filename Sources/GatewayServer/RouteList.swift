// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Synchronization

/// Every path and the methods it takes, so that a wrong method gets 405 and `Allow` instead of 404.
final class RouteList: Sendable {
    private struct Entry {
        var segments: [Substring]
        var methods: [String]
    }

    private let entries = Mutex<[String: Entry]>([:])

    func add(_ method: HTTPRequest.Method, _ path: String) {
        entries.withLock { entries in
            var entry = entries[path] ?? Entry(segments: path.split(separator: "/"), methods: [])
            // The router answers HEAD wherever it answers GET.
            entry.methods += method == .get ? ["GET", "HEAD"] : [method.rawValue]
            entries[path] = entry
        }
    }

    /// The methods a path takes, as `Allow` wants them; `nil` for a path that does not exist.
    func methods(at path: String) -> String? {
        let segments = path.split(separator: "/")
        let methods = entries.withLock { entries in
            entries.values.filter { Self.matches($0.segments, segments) }.flatMap(\.methods)
        }
        return methods.isEmpty ? nil : Set(methods).sorted().joined(separator: ", ")
    }

    private static func matches(_ pattern: [Substring], _ path: [Substring]) -> Bool {
        if pattern.last == "**" { return path.starts(with: pattern.dropLast()) && path.count >= pattern.count }
        return pattern.count == path.count && zip(pattern, path).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
    }
}

/// Adds routes to the router and to the list at once.
struct Routes {
    let router: Router<GatewayContext>
    let list: RouteList
    let layers: [any MiddlewareProtocol<Request, Response, GatewayContext>]

    func on(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ handler: @escaping @Sendable (Request, GatewayContext) async throws -> Response
    ) {
        list.add(method, path)
        let group = router.group()
        for layer in layers { group.add(middleware: layer) }
        group.on(RouterPath(path), method: method, use: handler)
    }
}

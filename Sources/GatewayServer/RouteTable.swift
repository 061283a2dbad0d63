// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Lets a request pass, or throws why not.
protocol Gate: Sendable {
    /// - Parameter context: Where a gate leaves what it found out.
    func pass(_ request: Request, _ context: inout GatewayContext) async throws
}

/// Who answers a request, and behind which gates.
struct Route: Sendable {
    typealias Handler = @Sendable (Request, GatewayContext) async throws -> Response

    let gates: [any Gate]
    let handler: Handler
}

/// Every path and the methods it takes.
///
/// Every request is looked up, so it is done by a glance at a dictionary and a few comparisons. Slashes too many, in the
/// middle or at the end, do not matter.
struct RouteTable: Sendable {
    private typealias Methods = [(method: HTTPRequest.Method, route: Route)]

    /// A path with a name in it, `/v1/models/:id`, or with anything behind it, `/files/**`.
    private struct Pattern {
        var text: String
        var prefix: String
        var suffix = ""
        var takesRest = false
        var methods: Methods = []

        init(_ text: String) {
            self.text = text
            prefix = text
            if text.hasSuffix("/**") {
                prefix = String(text.dropLast(2))
                takesRest = true
            } else if let mark = text.firstIndex(of: ":") {
                prefix = String(text[..<mark])
                suffix = String(text[mark...].drop { $0 != "/" })
            }
        }

        /// What stands in a path where this has a name; `nil` for a path of another form.
        func name(in path: String) -> Substring? {
            let bytes = path.utf8
            guard bytes.count > prefix.utf8.count + suffix.utf8.count else { return nil }
            guard path.hasPrefix(prefix), suffix.isEmpty || path.hasSuffix(suffix) else { return nil }
            let name = path[bytes.index(bytes.startIndex, offsetBy: prefix.utf8.count)...].dropLast(suffix.utf8.count)
            let slash = UInt8(ascii: "/")
            return (takesRest ? name.utf8.contains { $0 != slash } : !name.utf8.contains(slash)) ? name : nil
        }
    }

    private var whole: [String: Methods] = [:]
    private var patterns: [Pattern] = []

    mutating func add(_ method: HTTPRequest.Method, _ path: String, _ route: Route) {
        guard path.contains(where: { $0 == ":" || $0 == "*" }) else {
            return whole[path, default: []].append((method, route))
        }
        let place = patterns.firstIndex { $0.text == path } ?? patterns.endIndex
        if place == patterns.endIndex { patterns.append(Pattern(path)) }
        patterns[place].methods.append((method, route))
    }

    /// Who answers, and what stands in the path where the route has a name; `nil` if there is nobody.
    func find(_ method: HTTPRequest.Method, _ path: String) -> (route: Route, name: String?)? {
        // HEAD is answered wherever GET is.
        let method = method == .head ? .get : method
        if let found = match(method, path) { return found }
        let tidy = Self.tidy(path)
        return tidy == path ? nil : match(method, tidy)
    }

    /// The methods a path takes, as `Allow` wants them; `nil` for a path that does not exist.
    func methods(at path: String) -> String? {
        let path = Self.tidy(path)
        let takers = (whole[path] ?? []) + patterns.filter { $0.name(in: path) != nil }.flatMap(\.methods)
        let methods = takers.flatMap { $0.method == .get ? ["GET", "HEAD"] : [$0.method.rawValue] }
        return methods.isEmpty ? nil : Set(methods).sorted().joined(separator: ", ")
    }

    private func match(_ method: HTTPRequest.Method, _ path: String) -> (route: Route, name: String?)? {
        if let methods = whole[path] { return Self.route(method, methods).map { ($0, nil) } }
        // By places: a pattern that is only looked at is not copied.
        for place in patterns.indices {
            guard let name = patterns[place].name(in: path) else { continue }
            return Self.route(method, patterns[place].methods).map { ($0, String(name)) }
        }
        return nil
    }

    private static func route(_ method: HTTPRequest.Method, _ methods: Methods) -> Route? {
        methods.first { $0.method == method }?.route
    }

    private static func tidy(_ path: String) -> String {
        "/" + path.split(separator: "/").joined(separator: "/")
    }
}

/// Where routes are collected before anybody asks.
final class RouteBook {
    private(set) var table = RouteTable()

    fileprivate func add(_ method: HTTPRequest.Method, _ path: String, _ route: Route) {
        table.add(method, path, route)
    }
}

/// Adds routes behind the same gates.
struct Routes {
    let book: RouteBook
    var gates: [any Gate] = []

    func on(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Route.Handler) {
        book.add(method, path, Route(gates: gates, handler: handler))
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import Hummingbird
public import HummingbirdCore
public import Logging
public import NIOCore

/// The HTTP side of the gateway: decodes, checks, writes tasks, waits, answers.
public struct GatewayServer: Sendable {
    private let parts: ServerParts
    private let settings: ServerSettings
    private let logger: Logger

    /// Creates a server; nothing listens yet.
    public init(parts: ServerParts, settings: ServerSettings, logger: Logger) {
        self.parts = parts
        self.settings = settings
        self.logger = logger
    }

    /// The service that listens for callers.
    ///
    /// - Parameters:
    ///   - server: How a connection is spoken to: plain HTTP or TLS.
    ///   - onRunning: Called with the listening channel, whose address has the port.
    public func application(
        server: HTTPServerBuilder = .http1(configuration: .init(idleTimeout: .seconds(75))),
        onRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            router: router(),
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                serverName: "image-gateway"
            ),
            onServerRunning: onRunning,
            logger: logger
        )
    }

    private func router() -> Router<GatewayContext> {
        let router = Router(context: GatewayContext.self)
        let list = RouteList()
        router.add(middleware: EdgeMiddleware(routes: list, time: parts.time))
        let open = Routes(router: router, list: list, layers: [])
        let guarded = Routes(router: router, list: list, layers: [KeyMiddleware(callers: parts.callers)])
        let views = TaskViews(objects: parts.objects, time: parts.time)

        HealthRoutes(readiness: parts.readiness).add(to: open)
        if let files = parts.files { FileRoutes(files: files, time: parts.time).add(to: open) }
        ImageRoutes(parts: parts, settings: settings, views: views).add(to: guarded)
        TaskRoutes(parts: parts, views: views).add(to: guarded)
        ModelRoutes(models: parts.models).add(to: guarded)
        return router
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
import NIOSSL

/// The HTTP side of the gateway: decodes, checks, writes tasks, waits, answers.
public struct GatewayServer: Sendable {
    private let parts: ServerParts
    private let settings: ServerSettings
    private let logger: Logger
    /// How long connections live on when the process stops.
    var patience = FarewellHandler.Patience()
    private let doorway = Doorway()

    /// Creates a server; nothing listens yet.
    public init(parts: ServerParts, settings: ServerSettings, logger: Logger) {
        self.parts = parts
        self.settings = settings
        self.logger = logger
    }

    /// The service that listens for callers.
    ///
    /// - Parameters:
    ///   - certificate: What to speak TLS with; `nil` for plain HTTP.
    ///   - onRunning: Called with the address when it listens.
    /// - Throws: ``ServerCertificateError`` for files that cannot be used.
    public func application(
        certificate: ServerCertificate? = nil,
        onRunning: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ServerCertificateError) -> some ApplicationProtocol {
        let plain = plain
        return application(router(), try certificate?.wrap(plain) ?? plain, doorway, onRunning)
    }

    /// The service that listens for operators: health, and how the providers are, and webhooks.
    ///
    /// - Parameters:
    ///   - token: What everything but health needs; `nil` where only this machine can connect.
    ///   - onRunning: Called with the address when it listens.
    public func adminApplication(
        token: Secret? = nil,
        onRunning: @escaping @Sendable (String) -> Void = { _ in }
    ) -> some ApplicationProtocol {
        let (router, routes) = edge()
        let guarded = Routes(
            router: router,
            list: routes.list,
            layers: token.map { [AdminMiddleware(token: $0)] } ?? []
        )
        HealthRoutes(readiness: parts.readiness, board: parts.board).add(to: routes)
        if let status = parts.providers { ProviderRoutes(status: status).add(to: guarded) }
        if let (control, outbox) = parts.webhooks {
            WebhookRoutes(control: control, outbox: outbox, time: parts.time).add(to: guarded)
        }
        return application(router, plain, nil, onRunning)
    }

    /// Lets in who stands at the door for callers, and nobody else: to be awaited before the services are stopped.
    public func closeDoor() async { await doorway.close(parts.time) }

    private var plain: HTTPServerBuilder {
        HTTPServerBuilder { [patience] responder in PoliteChannel(patience: patience, responder: responder) }
    }

    private func application(
        _ router: Router<GatewayContext>,
        _ server: HTTPServerBuilder,
        _ doorway: Doorway?,
        _ onRunning: @escaping @Sendable (String) -> Void
    ) -> some ApplicationProtocol {
        Application(
            router: router,
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                serverName: "image-gateway",
                availableConnectionsDelegate: settings.mostConnections.map {
                    MaximumAvailableConnections($0, logger: logger)
                }
            ),
            onServerRunning: { channel in
                doorway?.opened(channel)
                let address = channel.localAddress
                onRunning("\(address?.ipAddress ?? settings.host):\(address?.port ?? settings.port)")
            },
            logger: logger
        )
    }

    private func router() -> Router<GatewayContext> {
        let (router, open) = edge()
        let key = KeyMiddleware(callers: parts.callers)
        let guarded = Routes(router: router, list: open.list, layers: [key])
        let pace = PaceMiddleware(paces: CallerPaces(), time: parts.time)
        let paced = Routes(router: router, list: open.list, layers: [key, pace])
        let views = TaskViews(objects: parts.objects, store: parts.store, time: parts.time)
        let desk = TaskDesk(parts: parts, settings: settings, turns: KeyTurns())
        HealthRoutes(readiness: parts.readiness, board: parts.board).add(to: open)
        if let files = parts.files { FileRoutes(files: files, time: parts.time).add(to: open) }
        ImageRoutes(
            parts: parts,
            settings: settings,
            views: views,
            room: BodyRoom(limit: settings.bodyMemory),
            desk: desk,
            reader: PictureReader(objects: parts.objects, room: BodyRoom(limit: settings.bodyMemory))
        ).add(to: paced)
        TaskRoutes(parts: parts, views: views).add(to: guarded)
        EventRoutes(parts: parts, views: views).add(to: guarded)
        TaskActions(parts: parts, settings: settings, views: views, desk: desk).add(to: guarded, paced: paced)
        ModelRoutes(models: parts.models).add(to: guarded)
        return router
    }

    /// A router whose every answer passes the outermost layer, and its routes without a key.
    private func edge() -> (Router<GatewayContext>, Routes) {
        let router = Router(context: GatewayContext.self, options: .autoGenerateHeadEndpoints)
        let list = RouteList()
        router.add(middleware: EdgeMiddleware(routes: list, time: parts.time))
        return (router, Routes(router: router, list: list, layers: []))
    }
}

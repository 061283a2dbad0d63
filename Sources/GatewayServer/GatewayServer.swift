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
        let edge = edge(routes())
        let plain = plain(edge)
        return application(edge, try certificate?.wrap(plain) ?? plain, doorway, onRunning)
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
        let book = RouteBook()
        let guarded = Routes(book: book, gates: token.map { [AdminGate(token: $0)] } ?? [])
        HealthRoutes(readiness: parts.readiness, board: parts.board).add(to: Routes(book: book))
        if let status = parts.providers { ProviderRoutes(status: status).add(to: guarded) }
        if let (control, outbox) = parts.webhooks {
            WebhookRoutes(control: control, outbox: outbox, time: parts.time).add(to: guarded)
        }
        let edge = edge(book.table)
        return application(edge, plain(edge), nil, onRunning)
    }

    /// Lets in who stands at the door for callers, and nobody else: to be awaited before the services are stopped.
    public func closeDoor() async { await doorway.close(parts.time) }

    private func edge(_ routes: RouteTable) -> Edge {
        Edge(routes: routes, time: parts.time, requestLog: parts.requestLog)
    }

    private func plain(_ edge: Edge) -> HTTPServerBuilder {
        let answering = Answering(edge: edge, logger: logger)
        return HTTPServerBuilder { [patience] _ in PoliteChannel(patience: patience, responder: answering.respond) }
    }

    private func application(
        _ edge: Edge,
        _ server: HTTPServerBuilder,
        _ doorway: Doorway?,
        _ onRunning: @escaping @Sendable (String) -> Void
    ) -> some ApplicationProtocol {
        Application(
            responder: edge,
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                serverName: Answering.serverName,
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

    private func routes() -> RouteTable {
        let book = RouteBook()
        let open = Routes(book: book)
        let key = KeyGate(callers: parts.callers)
        let guarded = Routes(book: book, gates: [key])
        let paced = Routes(book: book, gates: [key, PaceGate(paces: CallerPaces(), time: parts.time)])
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
        return book.table
    }
}

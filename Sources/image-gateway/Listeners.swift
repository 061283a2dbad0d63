// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import ImageGateway
import Logging
import ServiceLifecycle

/// The listeners of a gateway: callers, and operators.
struct Listeners {
    let services: [any Service]
    private let server: GatewayServer

    /// Lets in the callers who stand at the door, and nobody behind them.
    func closeDoor() async { await server.closeDoor() }

    init(_ gateway: Gateway, _ openFiles: OpenFiles, logger: Logger) throws {
        let configuration = gateway.configuration
        let parts = Self.parts(gateway)
        var settings = Self.settings(gateway, at: configuration.server.listen)
        settings.mostConnections = openFiles.callers(beside: configuration.engine.workers)
        let certificate = configuration.server.tls.map {
            ServerCertificate(certificateFile: $0.certificate, privateKeyFile: $0.privateKey)
        }
        let server = GatewayServer(parts: parts, settings: settings, logger: logger)
        let callers = try server.application(certificate: certificate) { address in
            Self.greet(gateway, address, logger)
        }
        var services: [any Service] = []
        if let admin = configuration.server.adminListen {
            var settings = Self.settings(gateway, at: admin)
            settings.mostConnections = OpenFiles.operators
            let server = GatewayServer(parts: parts, settings: settings, logger: logger)
            // Whoever is on this machine may look; everybody else needs the token, which the configuration insists on.
            let token = admin.isLoopback ? nil : configuration.auth.adminToken
            services.append(
                server.adminApplication(token: token) { address in
                    logger.notice("The admin listener is ready.", metadata: ["address": "\(address)"])
                }
            )
        }
        // What starts first ends last: operators can look until every caller has an answer.
        services.append(callers)
        self.services = services
        self.server = server
    }

    private static func parts(_ gateway: Gateway) -> ServerParts {
        ServerParts(
            store: gateway.store,
            objects: gateway.objects,
            files: gateway.files,
            board: gateway.board,
            models: gateway.models,
            callers: gateway.callers,
            digest: { try Gateway.digest($0) },
            readiness: [
                "database": { try gateway.checkDatabase() },
                "storage": { try await gateway.storageReadiness.check() },
                "providers": {
                    if gateway.models.models.isEmpty { throw CommandFailure("No provider serves any model.") }
                    if !gateway.providersStatus.isUsable { throw CommandFailure("No provider can be used now.") }
                },
            ],
            providers: { gateway.providersStatus },
            webhooks: (gateway.webhooks, gateway.outbox),
            requestLog: LogSetup.requestLog(gateway.configuration.log)
        )
    }

    private static func settings(_ gateway: Gateway, at address: Address) -> ServerSettings {
        let configuration = gateway.configuration
        return ServerSettings(
            host: address.host,
            port: address.port,
            syncWait: configuration.server.syncWait,
            maxBody: configuration.server.maxBody,
            bodyMemory: configuration.engine.memoryBudget,
            parameterMode: configuration.server.parameters,
            transcodes: configuration.server.transcode,
            linkLifetime: configuration.linkLifetime,
            hasStorage: configuration.storage.isThere,
            queueLimit: configuration.engine.queueLimit,
            node: gateway.node
        )
    }

    private static func greet(_ gateway: Gateway, _ address: String, _ logger: Logger) {
        let configuration = gateway.configuration
        logger.notice(
            "ImageGateway is listening.",
            metadata: [
                "address": "\(address)", "links": "\(configuration.server.linkBase)",
                "providers": "\(configuration.providers.map(\.name).joined(separator: ","))",
                "models": .stringConvertible(gateway.models.models.count),
            ]
        )
        if configuration.auth.mode == .none {
            logger.notice("No key is asked for: auth.mode is none, and only this machine can connect.")
        }
    }
}

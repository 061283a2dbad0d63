// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayEngine
import GatewayObjects
import GatewayProviders
import Logging

/// How the parts of a gateway are made from its configuration.
extension Gateway {
    static func providers(
        _ configuration: GatewayConfiguration,
        transport: any HTTPTransport
    ) throws -> [EngineProvider] {
        try configuration.providers.map { provider in
            guard let type = configuration.vendors.first(where: { $0.descriptor.kind == provider.kind }) else {
                throw ConfigurationError(["providers has an unknown kind '\(provider.kind)'."])
            }
            let descriptor = type.descriptor
            let settings = ProviderSettings(
                name: provider.name,
                baseURL: provider.baseURL ?? descriptor.defaultBaseURL,
                timeout: provider.timeout ?? descriptor.defaultTimeout,
                resultBaseURL: provider.resultBaseURL
            )
            return EngineProvider(
                name: provider.name,
                adapter: type.init(settings: settings, transport: transport),
                keys: ProviderKey.pool(provider.apiKeys),
                maxConcurrent: provider.maxConcurrent ?? descriptor.defaultMaxConcurrent,
                requestsPerMinute: provider.requestsPerMinute,
                pollInterval: provider.pollInterval,
                resubmitUnknown: provider.resubmitUnknown ?? descriptor.defaultResubmitUnknown,
                failedTask: provider.failedTask,
                allowsPrivateNetwork: provider.allowsPrivateNetwork
            )
        }
    }

    static func router(
        _ configuration: GatewayConfiguration,
        _ providers: [EngineProvider],
        _ published: CapabilityBook
    ) -> ProviderRouter {
        let tables = zip(configuration.providers, providers).map { settings, provider in
            ProviderRouter.Table(
                name: provider.name,
                descriptor: type(of: provider.adapter).descriptor,
                models: settings.models,
                published: published
            )
        }
        let routes = configuration.routes.map { route in
            ProviderRouter.Route(
                match: route.match,
                providers: route.providers,
                strategy: route.weights.map(ProviderRouter.Strategy.weighted) ?? .priority,
                onRefusal: route.onRefusal
            )
        }
        return ProviderRouter(tables: tables, routes: routes, aliases: configuration.aliases)
    }

    static func storage(
        _ configuration: GatewayConfiguration,
        transport: any HTTPTransport,
        time: any TimeSource,
        logger: Logger
    ) throws(ObjectError) -> (any ObjectStore, (any LinkedFiles)?) {
        switch configuration.storage {
        case .none: return (NoObjectStore(), nil)
        case .local(let path):
            let presentation = LinkPresentation(configuration.links)
            let base = configuration.server.linkBase
            let store = try LocalObjectStore(path: path, publicURL: base, presentation: presentation)
            return (store, store)
        case .s3(let bucket):
            let settings = try S3Settings(bucket, configuration)
            let store = try S3ObjectStore(settings, transport: transport, time: time) { logger.error("\($0)") }
            return (store, nil)
        case .oss(let bucket):
            let settings = bucket.settings(configuration)
            let store = try OSSObjectStore(settings, transport: transport, time: time) { logger.error("\($0)") }
            return (store, nil)
        }
    }
}

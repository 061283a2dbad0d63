// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayProviders
import Yams

extension GatewayConfiguration {
    /// Reads a configuration file.
    ///
    /// `${NAME}` in any value takes an environment variable; unknown keys are mistakes.
    ///
    /// - Parameters:
    ///   - yaml: The file's text.
    ///   - environment: The environment.
    /// - Throws: ``ConfigurationError`` with one sentence for each mistake.
    public init(yaml: String, environment: [String: String]) throws {
        let mistakes = SettingsReader.Mistakes()
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError(["The configuration is not valid YAML: \(error)"])
        }
        self.init()
        let file = SettingsReader(node, path: "", environment: environment, mistakes: mistakes)
        server = Server(file.section("server"))
        auth = Auth(file.section("auth"))
        database = Database(file.section("database"))
        (storage, linkLifetime) = Storage.read(file.section("storage"))
        providers = file.sections("providers").compactMap(Provider.init)
        routes = file.sections("routes").compactMap(Route.init)
        aliases = file.pairs("aliases")
        engine = Engine(file.section("engine"))
        log = Log(file.section("log"))
        file.refuse("webhooks", "limits", "fetch")
        file.close()
        check(mistakes)
        guard mistakes.sentences.isEmpty else { throw ConfigurationError(mistakes.sentences) }
    }

    /// The configuration without a file: SQLite and a folder under `./data`, every vendor whose key is in the environment,
    /// no keys asked on loopback.
    ///
    /// - Parameter environment: The environment.
    public init(environment: [String: String]) {
        self.init()
        auth.mode = .none
        for type in ProviderCatalog.all {
            let descriptor = type.descriptor
            guard let key = environment[descriptor.keyVariable], !key.isEmpty else { continue }
            providers.append(Provider(name: descriptor.kind, kind: descriptor.kind, apiKeys: [Secret(key)]))
        }
        if providers.contains(where: { $0.kind == "imagen" }),
            let gemini = providers.firstIndex(where: { $0.kind == "gemini" })
        {
            serveRetiredImagen(byGemini: gemini)
        }
        log.format = .text
    }

    /// Imagen was shut down in August 2026: its names are tried there first and then drawn by a Gemini model.
    private mutating func serveRetiredImagen(byGemini place: Int) {
        for type in ProviderCatalog.all where type.descriptor.kind == "imagen" {
            guard
                let successor = ProviderCatalog.all.first(where: { $0.descriptor.kind == "gemini" })?.descriptor.models
                    .first
            else { continue }
            for model in type.descriptor.models { providers[place].models[model.id] = successor.id }
        }
        let others = providers.map(\.name).filter { $0 != "imagen" }
        routes = [
            Route(match: "imagen-", providers: ["imagen"] + others), Route(match: "", providers: providers.map(\.name)),
        ]
    }

    /// What only the whole can tell.
    private func check(_ mistakes: SettingsReader.Mistakes) {
        if providers.isEmpty { mistakes.add("providers is empty: name at least one vendor.") }
        let names = Set(providers.map(\.name))
        if names.count < providers.count { mistakes.add("providers has two entries of the same name.") }
        for route in routes {
            for name in route.providers where !names.contains(name) {
                mistakes.add("routes names the provider '\(name)', which providers does not have.")
            }
        }
        if auth.mode == .keys, auth.keys.isEmpty {
            mistakes.add("auth.keys is empty: add a key, or set auth.mode: none (on loopback only).")
        }
        if auth.mode == .none, !server.listen.isLoopback {
            mistakes.add("auth.mode may be none only when server.listen is a loopback address.")
        }
        if let admin = server.adminListen, !admin.isLoopback, auth.adminToken == nil {
            mistakes.add("auth.admin_token is needed when server.admin_listen is not a loopback address.")
        }
        if Set(auth.keys.map(\.name)).count < auth.keys.count {
            mistakes.add("auth.keys has two keys of the same name.")
        }
    }
}

extension GatewayConfiguration.Server {
    /// Reads `server`.
    init(_ reader: SettingsReader) {
        self.init()
        listen = Self.address(reader, "listen") ?? listen
        adminListen = Self.address(reader, "admin_listen") ?? adminListen
        publicURL = reader.text("public_url")
        if let publicURL, !publicURL.hasPrefix("http://"), !publicURL.hasPrefix("https://") {
            reader.complain("public_url", "must begin with http:// or https://.")
        }
        let tls = reader.section("tls")
        if !tls.isEmpty {
            let files = (tls.text("certificate"), tls.text("private_key"))
            if case (let certificate?, let key?) = files {
                self.tls = (certificate, key)
            } else {
                reader.complain("tls", "needs both certificate and private_key.")
            }
        }
        tls.close()
        syncWait = reader.duration("sync_wait") ?? syncWait
        maxBody = reader.bytes("max_body") ?? maxBody
        parameters = reader.choice("parameters") ?? parameters
        reader.close()
    }

    private static func address(_ reader: SettingsReader, _ name: String) -> Address? {
        guard let text = reader.text(name) else { return nil }
        guard let address = Address(text) else {
            reader.complain(name, "must be HOST:PORT, not '\(text.prefix(60))'.")
            return nil
        }
        return address
    }
}

extension GatewayConfiguration.Auth {
    /// Reads `auth`.
    init(_ reader: SettingsReader) {
        self.init()
        mode = reader.choice("mode") ?? mode
        for entry in reader.sections("keys") {
            let (name, key) = (entry.text("name"), entry.secret("key"))
            let models = entry.texts("models") ?? ["*"]
            entry.close()
            guard let name, let key, !name.isEmpty, !key.isEmpty else {
                reader.complain("keys", "has an entry without name or key.")
                continue
            }
            keys.append(Key(name: name, key: key, models: models))
        }
        adminToken = reader.secret("admin_token")
        if adminToken?.isEmpty == true { reader.complain("admin_token", "may not be empty.") }
        reader.close()
    }
}

extension GatewayConfiguration.Database {
    /// Reads `database`.
    init(_ reader: SettingsReader) {
        self.init()
        if let url = reader.text("url") {
            if url.hasPrefix("sqlite:"), url.count > "sqlite:".count {
                path = String(url.dropFirst("sqlite:".count))
            } else {
                reader.complain("url", "must be sqlite:PATH; other databases are not supported by this version.")
            }
        }
        reader.close()
    }
}

extension GatewayConfiguration.Provider {
    /// Reads an entry of `providers`.
    init?(_ reader: SettingsReader) {
        let kinds = ProviderCatalog.all.map { $0.descriptor.kind }
        let (name, kind) = (reader.text("name"), reader.text("kind"))
        self.init(name: name ?? kind ?? "", kind: kind ?? "")
        baseURL = reader.text("base_url")
        if let baseURL, !baseURL.hasPrefix("http://"), !baseURL.hasPrefix("https://") {
            reader.complain("base_url", "must begin with http:// or https://.")
        }
        apiKeys = (reader.texts("api_keys") ?? []).map { Secret($0) }
        if apiKeys.isEmpty || apiKeys.contains(where: \.isEmpty) {
            reader.complain("api_keys", "needs at least one key, none empty.")
        }
        maxConcurrent = reader.integer("max_concurrent", 0...100_000)
        timeout = reader.duration("timeout")
        pollInterval = reader.duration("poll_interval") ?? pollInterval
        models = reader.pairs("models")
        resubmitUnknown = reader.choice("resubmit_unknown")
        reader.refuse("requests_per_minute", "failed_task")
        _ = reader.flag("allow_private_network")
        reader.close()
        guard let kind, kinds.contains(kind) else {
            reader.complain("kind", "must be one of: \(kinds.joined(separator: ", ")).")
            return nil
        }
    }
}

extension GatewayConfiguration.Route {
    /// Reads an entry of `routes`.
    init?(_ reader: SettingsReader) {
        let (match, providers) = (reader.text("match"), reader.texts("providers"))
        if let strategy = reader.text("strategy"), strategy != "priority" {
            reader.complain("strategy", "must be priority in this version.")
        }
        reader.close()
        guard let match, let providers, !providers.isEmpty else {
            reader.complain("match", "and providers are both needed.")
            return nil
        }
        self.init(match: match, providers: providers)
    }
}

extension GatewayConfiguration.Engine {
    /// Reads `engine`.
    init(_ reader: SettingsReader) {
        self.init()
        workers = reader.integer("workers", 1...10_000) ?? workers
        taskTimeout = reader.duration("task_timeout") ?? taskTimeout
        drainTimeout = reader.duration("drain_timeout") ?? drainTimeout
        reader.refuse("queue_limit", "task_retention", "memory_budget")
        reader.close()
    }
}

extension GatewayConfiguration.Log {
    /// Reads `log`.
    init(_ reader: SettingsReader) {
        self.init()
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        if let text = reader.text("level") {
            if levels.contains(text) {
                level = text
            } else {
                reader.complain("level", "must be one of: \(levels.joined(separator: ", ")).")
            }
        }
        format = reader.choice("format") ?? format
        reader.close()
    }
}

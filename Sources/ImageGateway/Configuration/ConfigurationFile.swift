// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Yams

extension GatewayConfiguration {
    /// Reads a configuration file.
    ///
    /// `${NAME}` in any value takes an environment variable; unknown keys are mistakes.
    ///
    /// - Parameters:
    ///   - yaml: The file's text.
    ///   - environment: The environment.
    ///   - vendors: The kinds of vendors there are.
    ///   - needsProviders: `false` to pass over `providers`, `routes` and `aliases`, keys that are not set included, because
    ///     others take their place.
    /// - Throws: ``ConfigurationError`` with one sentence for each mistake.
    public init(
        yaml: String,
        environment: [String: String],
        vendors: [any ImageTaskProvider.Type] = Self.knownVendors,
        needsProviders: Bool = true
    ) throws {
        let mistakes = SettingsReader.Mistakes()
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError([Self.explained(error)])
        }
        self.init()
        self.vendors = vendors
        let file = SettingsReader(node, path: "", environment: environment, mistakes: mistakes)
        server = Server(file.section("server"))
        limits = CallerLimits(file.section("limits"))
        auth = Auth(file.section("auth"), limits)
        database = Database(file.section("database"))
        (storage, linkLifetime, links) = Storage.read(file.section("storage"))
        if needsProviders {
            providers = file.neededSections("providers", "is empty: name at least one vendor.").map {
                Provider($0, vendors)
            }
            routes = file.sections("routes").compactMap(Route.init)
            aliases = file.pairs("aliases")
        } else {
            file.passOver("providers", "routes", "aliases")
        }
        engine = Engine(file.section("engine"))
        log = Log(file.section("log"))
        fetch = Fetch(file.section("fetch"))
        webhooks = Webhooks(file.section("webhooks"))
        file.close()
        check(mistakes)
        guard mistakes.sentences.isEmpty else { throw ConfigurationError(mistakes.sentences) }
    }

    /// The configuration without a file: SQLite and a folder under `./data`, every vendor whose key is in the environment,
    /// no keys asked on loopback.
    ///
    /// - Parameters:
    ///   - environment: The environment.
    ///   - vendors: The kinds of vendors there are.
    public init(environment: [String: String], vendors: [any ImageTaskProvider.Type] = Self.knownVendors) {
        self.init()
        self.vendors = vendors
        auth.mode = .none
        for type in vendors {
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
        for type in vendors where type.descriptor.kind == "imagen" {
            guard
                let successor = vendors.first(where: { $0.descriptor.kind == "gemini" })?.descriptor.models
                    .first
            else { continue }
            for model in type.descriptor.models { providers[place].models[model.id] = successor.id }
        }
        // Whoever else sells Imagen itself comes before its stand-in.
        let sellers = vendors.filter { $0.descriptor.modelPrefixes.contains("imagen-") }.map { $0.descriptor.kind }
        let names = providers.map(\.name)
        routes = [
            Route(match: "imagen-", providers: names.filter(sellers.contains) + [providers[place].name]),
            Route(match: "", providers: names),
        ]
    }

    /// What only the whole can tell.
    private func check(_ mistakes: SettingsReader.Mistakes) {
        let names = Set(providers.map(\.name))
        for name in Self.repeated(providers.map(\.name)) { mistakes.add("providers has two entries named '\(name)'.") }
        for match in Self.repeated(routes.map(\.match)) {
            mistakes.add("routes has two entries that match '\(match)'.")
        }
        for route in routes {
            for name in route.providers where !names.contains(name) {
                mistakes.add("routes names the provider '\(name)', which providers does not have.")
            }
        }
        for (alias, model) in aliases.sorted(by: { $0.key < $1.key }) where !servedModels.contains(model) {
            mistakes.add("aliases.\(alias) names the model '\(model)', which no provider serves.")
        }
        if engine.taskRetention < min(linkLifetime, Storage.longestLifetime) {
            mistakes.add(
                "engine.task_retention must be at least storage.url_lifetime: a task is kept while its links live."
            )
        }
        checkListeners(mistakes)
        webhooks.check(retention: engine.taskRetention, mistakes)
        for name in Self.repeated(auth.keys.map(\.name)) { mistakes.add("auth.keys has two keys named '\(name)'.") }
        if Set(auth.keys.map(\.key)).count < auth.keys.count {
            mistakes.add("auth.keys has the same key under two names.")
        }
    }

    private func checkListeners(_ mistakes: SettingsReader.Mistakes) {
        if auth.mode == .none, !server.listen.isLoopback {
            mistakes.add("auth.mode may be none only when server.listen is a loopback address.")
        }
        if let admin = server.adminListen, !admin.isLoopback, auth.adminToken == nil {
            mistakes.add("auth.admin_token is needed when server.admin_listen is not a loopback address.")
        }
        if server.adminListen == server.listen, server.listen.port != 0 {
            mistakes.add("server.admin_listen must be another address than server.listen.")
        }
    }

    /// The public names that some provider knows.
    private var servedModels: Set<String> {
        var names: Set<String> = []
        for provider in providers {
            names.formUnion(provider.models.keys)
            guard let type = vendors.first(where: { $0.descriptor.kind == provider.kind }) else { continue }
            for model in type.descriptor.models { names.formUnion([model.id] + model.aliases) }
        }
        return names
    }

    private static func repeated(_ names: [String]) -> [String] {
        Dictionary(grouping: names) { $0 }.filter { $1.count > 1 && !$0.isEmpty }.keys.sorted()
    }

    /// What is wrong with a file, and where, without the line itself: it may hold a key.
    private static func explained(_ error: any Error) -> String {
        let isNotYAML = "The configuration is not valid YAML: "
        return switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "\(isNotYAML)\(problem) (line \(mark.line), column \(mark.column))."
        case .duplicatedKeysInMapping(let names, let context):
            "The configuration has a key twice: \(names.sorted().joined(separator: ", ")) (line \(context.mark.line))."
        case .reader(let problem, _, _, _): "\(isNotYAML)\(problem)."
        default: "\(isNotYAML)it cannot be read."
        }
    }
}

extension GatewayConfiguration.Server {
    /// Reads `server`.
    init(_ reader: SettingsReader) {
        self.init()
        listen = Self.address(reader, "listen") ?? listen
        adminListen = Self.address(reader, "admin_listen") ?? adminListen
        publicURL = reader.nonEmptyText("public_url")
        if let publicURL, !publicURL.hasPrefix("http://"), !publicURL.hasPrefix("https://") {
            reader.complain("public_url", "must begin with http:// or https://.")
        }
        let tls = reader.section("tls")
        if !tls.isEmpty {
            let files = (tls.neededText("certificate"), tls.neededText("private_key"))
            if case (let certificate?, let key?) = files { self.tls = (certificate, key) }
        }
        tls.close()
        syncWait = reader.duration("sync_wait", zeroIsAllowed: true) ?? syncWait
        maxBody = reader.bytes("max_body") ?? maxBody
        parameters = reader.choice("parameters") ?? parameters
        transcode = reader.flag("transcode") ?? transcode
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
    init(_ reader: SettingsReader, _ vendors: [any ImageTaskProvider.Type]) {
        let kinds = vendors.map { $0.descriptor.kind }
        let (name, kind) = (reader.nonEmptyText("name"), reader.neededText("kind"))
        self.init(name: name ?? kind ?? "", kind: kind ?? "")
        if let kind, !kinds.contains(kind) {
            reader.complain("kind", "must be one of: \(kinds.joined(separator: ", ")), not '\(kind.prefix(40))'.")
        }
        baseURL = reader.nonEmptyText("base_url")
        if let baseURL, !baseURL.hasPrefix("http://"), !baseURL.hasPrefix("https://") {
            reader.complain("base_url", "must begin with http:// or https://.")
        }
        apiKeys = (reader.neededTexts("api_keys") ?? []).map { Secret($0) }
        maxConcurrent = reader.integer("max_concurrent", 0...100_000)
        requestsPerMinute = reader.integer("requests_per_minute", 0...1_000_000) ?? requestsPerMinute
        timeout = reader.duration("timeout")
        pollInterval = reader.duration("poll_interval") ?? pollInterval
        models = reader.pairs("models")
        resubmitUnknown = reader.choice("resubmit_unknown")
        failedTask = reader.choice("failed_task") ?? failedTask
        resultBaseURL = reader.nonEmptyText("result_base_url")
        if let resultBaseURL, !resultBaseURL.hasPrefix("http://"), !resultBaseURL.hasPrefix("https://") {
            reader.complain("result_base_url", "must begin with http:// or https://.")
        }
        allowsPrivateNetwork = reader.flag("allow_private_network") ?? allowsPrivateNetwork
        reader.close()
    }
}

extension GatewayConfiguration.Engine {
    /// Reads `engine`.
    init(_ reader: SettingsReader) {
        self.init()
        workers = reader.integer("workers", 1...10_000) ?? workers
        taskTimeout = reader.duration("task_timeout") ?? taskTimeout
        drainTimeout = reader.duration("drain_timeout", zeroIsAllowed: true) ?? drainTimeout
        memoryBudget = reader.bytes("memory_budget") ?? memoryBudget
        taskRetention = reader.duration("task_retention") ?? taskRetention
        queueLimit = reader.integer("queue_limit", 1...100_000_000) ?? queueLimit
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

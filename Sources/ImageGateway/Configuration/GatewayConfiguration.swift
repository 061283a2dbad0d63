// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayProviders

/// Everything an operator can set, with its defaults.
public struct GatewayConfiguration: Sendable {
    /// Listeners, links, limits of the HTTP side.
    public var server = Server()
    /// Who may call.
    public var auth = Auth()
    /// Where tasks live.
    public var database = Database()
    /// Where pictures go.
    public var storage = Storage.local(path: "data/images")
    /// How long links live.
    public var linkLifetime = Duration.seconds(86_400)
    /// What links say about their pictures.
    public var links = Links()
    /// The kinds of vendors there are: those of this build, and what an embedding service adds.
    public var vendors = Self.knownVendors
    /// The vendors, in order.
    public var providers: [Provider] = []
    /// Who serves which model; empty for everybody what they have.
    public var routes: [Route] = []
    /// Other names for models.
    public var aliases: [String: String] = [:]
    /// The limits of the engine.
    public var engine = Engine()
    /// How much each caller may ask for who has no limits of its own.
    public var limits = CallerLimits()
    /// What may be fetched for callers.
    public var fetch = Fetch()
    /// Who hears that tasks are finished.
    public var webhooks = Webhooks()
    /// What is logged, and how.
    public var log = Log()

    /// Creates the defaults, without providers.
    public init() {}

    /// Listeners, links, limits of the HTTP side.
    public struct Server: Sendable {
        /// Where callers connect.
        public var listen = Address(host: "127.0.0.1", port: 8080)
        /// Where operators connect; `nil` for no such listener.
        public var adminListen: Address? = Address(host: "127.0.0.1", port: 8081)
        /// The base of links the gateway hands out; `nil` to derive it from ``listen``.
        public var publicURL: String?
        /// Certificate and key files, for TLS.
        public var tls: (certificate: String, privateKey: String)?
        /// How long a synchronous call waits.
        public var syncWait = Duration.seconds(280)
        /// The largest body in bytes.
        public var maxBody = 64 << 20
        /// What to do with wishes that cannot be honored.
        public var parameters = ParameterMode.nearest
        /// Whether the gateway brings pictures into the wished `output_format` where a vendor cannot.
        public var transcode = true

        /// The base of links, without a trailing slash.
        public var linkBase: String {
            if let publicURL { return publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL }
            let host = listen.isWildcard ? "127.0.0.1" : listen.host
            return "\(tls == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(listen.port)"
        }
    }

    /// Who may call.
    public struct Auth: Sendable {
        /// Whether keys are asked for.
        public var mode = Mode.keys
        /// The keys.
        public var keys: [Key] = []
        /// The credential of the admin listener.
        public var adminToken: Secret?

        /// Whether keys are asked for.
        public enum Mode: String, Sendable, CaseIterable {
            /// Every call needs a key.
            case keys
            /// Nobody is asked; on loopback only.
            case none
        }

        /// One key.
        public struct Key: Sendable {
            /// Whose tasks its tasks are.
            public var name: String
            /// What is presented.
            public var key: Secret
            /// The models it may use.
            public var models: [String]
            /// How much it may ask for.
            public var limits = CallerLimits()
        }
    }

    /// Where tasks live.
    public struct Database: Sendable {
        /// The path of the SQLite file.
        public var path = "data/gateway.sqlite"
    }

    /// Where pictures go.
    public enum Storage: Sendable {
        /// A folder of this machine.
        case local(path: String)
        /// A bucket of anything that speaks S3.
        case s3(S3)
        /// A bucket of Aliyun OSS, by its own signatures.
        case oss(OSS)
        /// Nowhere: only synchronous `b64_json` works.
        case none

        /// Whether pictures can be stored at all.
        public var isThere: Bool {
            if case .none = self { false } else { true }
        }
    }

    /// A bucket of anything that speaks S3.
    public struct S3: Sendable {
        /// Scheme, host, port and path prefix of the service.
        public var endpoint: String
        /// Another endpoint for links, if callers reach the bucket by another name.
        public var publicEndpoint: String?
        /// The region that requests are signed for.
        public var region: String
        /// The bucket's name.
        public var bucket: String
        /// What all keys begin with.
        public var prefix: String
        /// Whether the bucket stands in the path instead of the host.
        public var usesPathStyle: Bool
        /// The credential's public half.
        public var accessKeyID: String
        /// The credential's secret half.
        public var secretAccessKey: Secret
        /// The token of temporary credentials.
        public var sessionToken: Secret?
        /// What else can be set.
        public var more = S3More()
    }

    /// One vendor.
    public struct Provider: Sendable {
        /// The operator's name for it.
        public var name: String
        /// Which adapter speaks to it.
        public var kind: String
        /// Its endpoint; `nil` for the vendor's own.
        public var baseURL: String?
        /// Its keys.
        public var apiKeys: [Secret] = []
        /// How many calls may be in its hands; `nil` for the adapter's default.
        public var maxConcurrent: Int?
        /// How many submissions a minute; 0 for no bound.
        public var requestsPerMinute = 0
        /// The limit of one call; `nil` for the adapter's default.
        public var timeout: Duration?
        /// The distance between polls.
        public var pollInterval = Duration.seconds(3)
        /// Public model names and the vendor's names for them.
        public var models: [String: String] = [:]
        /// Whether a lost answer may be bought again; `nil` for the adapter's default.
        public var resubmitUnknown: ResubmitUnknown?
        /// What to do when the vendor says that work it had accepted failed.
        public var failedTask = FailedTask.failOver
        /// What addresses of results begin with where the vendor gives them without a host; `nil` for the adapter's guess.
        public var resultBaseURL: String?
        /// Whether results may be fetched from the operator's own network.
        public var allowsPrivateNetwork = false

        /// Creates a provider with the adapter's defaults.
        public init(name: String, kind: String, baseURL: String? = nil, apiKeys: [Secret] = []) {
            self.name = name
            self.kind = kind
            self.baseURL = baseURL
            self.apiKeys = apiKeys
        }
    }

    /// Names that begin alike, and who serves them.
    public struct Route: Sendable {
        /// A whole name or the beginning of names.
        public var match: String
        /// The providers, in order.
        public var providers: [String]
        /// The providers' shares of the tasks; `nil` to try them in order.
        public var weights: [String: Int]?
        /// What to do when a vendor's content policy forbids a request.
        public var onRefusal = OnRefusal.report

        /// Creates a route.
        public init(match: String, providers: [String]) {
            self.match = match
            self.providers = providers
        }
    }

    /// The limits of the engine.
    public struct Engine: Sendable {
        /// Calls and transfers at one moment.
        public var workers = 256
        /// How many bytes of pictures may be received and not yet stored.
        public var memoryBudget = 512 << 20
        /// How many tasks may wait to be begun.
        public var queueLimit = 100_000
        /// How long a task may take.
        public var taskTimeout = Duration.seconds(900)
        /// How long running work may go on when the process is asked to stop.
        public var drainTimeout = Duration.seconds(30)
        /// How long finished tasks are kept.
        public var taskRetention = Duration.seconds(7 * 86_400)
    }

    /// What is logged, and how.
    public struct Log: Sendable {
        /// The least important lines that are written: trace, debug, info, notice, warning, error, critical.
        public var level = "info"
        /// One JSON object a line, or text for people.
        public var format = Format.json

        /// The form of a line.
        public enum Format: String, Sendable, CaseIterable {
            /// For machines, for people.
            case json, text
        }
    }
}

/// A host and a port.
public struct Address: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public var host: String
    /// The port.
    public var port: Int

    /// Creates an address.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, `[address]:port` or `:port` (all addresses).
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        self.init(host: host.isEmpty ? "0.0.0.0" : host, port: port)
    }

    /// `host:port`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can connect.
    public var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        // All four numbers: a name such as 127.0.0.1.example.com may be anywhere.
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Whether it stands for every address of this machine.
    public var isWildcard: Bool { host == "0.0.0.0" || host == "::" }
}

extension GatewayConfiguration {
    /// The kinds of vendors that come with the gateway.
    public static var knownVendors: [any ImageTaskProvider.Type] { ProviderCatalog.all }

    /// Reads a duration as the configuration spells it: `250ms`, `3s`, `15m`, `24h`, `7d`.
    public static func duration(_ text: String) -> Duration? { SettingsReader.duration(text) }
}

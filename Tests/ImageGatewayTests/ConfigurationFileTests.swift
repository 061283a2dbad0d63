// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Testing

/// The smallest file that is accepted, and how to change it.
enum SampleFile {
    static let providers = "providers: [ { name: google, kind: gemini, api_keys: [k-1] } ]"
    static let auth = "auth: { keys: [ { name: alice, key: sk-alice } ] }"

    /// A file with some sections of its own; the sections every file needs are added unless they are given.
    static func text(_ sections: String) -> String {
        var text = sections
        for (name, section) in [("providers", providers), ("auth", auth)] where !"\n\(sections)".contains("\n\(name):")
        {
            text += "\n" + section
        }
        return text
    }

    static func read(_ sections: String, _ environment: [String: String] = [:]) throws -> GatewayConfiguration {
        try GatewayConfiguration(yaml: text(sections), environment: environment)
    }

    /// The sentences a file is refused with; empty if it is accepted.
    static func mistakes(_ yaml: String, _ environment: [String: String] = [:]) -> [String] {
        do {
            _ = try GatewayConfiguration(yaml: yaml, environment: environment)
            return []
        } catch {
            return (error as? ConfigurationError)?.mistakes ?? ["\(error)"]
        }
    }
}

/// What a configuration file may say.
@Suite struct ConfigurationFileTests {
    @Test func `what is left out has the contract's value`() throws {
        let configuration = try SampleFile.read("")
        #expect(configuration.server.listen == Address(host: "127.0.0.1", port: 8080))
        #expect(configuration.server.adminListen == Address(host: "127.0.0.1", port: 8081))
        #expect(configuration.server.linkBase == "http://127.0.0.1:8080")
        #expect(configuration.server.tls == nil)
        #expect(configuration.server.syncWait == .seconds(280))
        #expect(configuration.server.maxBody == 64 << 20)
        #expect(configuration.server.parameters == .nearest)
        #expect(configuration.auth.mode == .keys)
        #expect(configuration.auth.keys.map(\.models) == [["*"]])
        #expect(configuration.auth.adminToken == nil)
        #expect(configuration.database.path == "data/gateway.sqlite")
        guard case .local(let path) = configuration.storage else { return #expect(Bool(false), "not a folder") }
        #expect(path == "data/images")
        #expect(configuration.linkLifetime == .seconds(86_400))
        let provider = try #require(configuration.providers.first)
        #expect(provider.pollInterval == .seconds(3))
        #expect(provider.baseURL == nil)
        #expect(provider.timeout == nil)
        #expect(provider.maxConcurrent == nil)
        #expect(provider.resubmitUnknown == nil)
        #expect(provider.models.isEmpty)
        #expect(provider.requestsPerMinute == 0)
        #expect(provider.failedTask == .failOver)
        #expect(provider.resultBaseURL == nil)
        #expect(!provider.allowsPrivateNetwork)
        #expect(configuration.routes.isEmpty)
        #expect(configuration.aliases.isEmpty)
        #expect(configuration.engine.workers == 256)
        #expect(configuration.engine.taskTimeout == .seconds(900))
        #expect(configuration.engine.drainTimeout == .seconds(30))
        #expect(configuration.engine.taskRetention == .seconds(604_800))
        #expect(configuration.engine.queueLimit == 100_000)
        #expect(configuration.limits == CallerLimits())
        #expect(configuration.auth.keys.map(\.limits) == [CallerLimits()])
        #expect(configuration.log.level == "info")
        #expect(configuration.log.format == .json)
    }

    @Test func `an absent value is the default, too`() throws {
        let configuration = try SampleFile.read("server:\nstorage: ~\nlog: { level: null }\nengine: {}")
        #expect(configuration.server.syncWait == .seconds(280))
        #expect(configuration.log.level == "info")
    }

    @Test func `the server section is read`() throws {
        let server = try SampleFile.read(
            """
            server:
              listen: 0.0.0.0:9000
              admin_listen: "[::1]:9001"
              public_url: https://pictures.example.com/base/
              tls: { certificate: server.pem, private_key: server.key }
              sync_wait: 90s
              max_body: 1MiB
              parameters: strict
            """
        ).server
        #expect(server.listen == Address(host: "0.0.0.0", port: 9000))
        #expect(server.adminListen == Address(host: "::1", port: 9001))
        #expect(server.linkBase == "https://pictures.example.com/base")
        #expect(server.tls?.certificate == "server.pem")
        #expect(server.tls?.privateKey == "server.key")
        #expect(server.syncWait == .seconds(90))
        #expect(server.maxBody == 1 << 20)
        #expect(server.parameters == .strict)
    }

    @Test(arguments: [
        ("listen: 127.0.0.1:9000", "http://127.0.0.1:9000"), ("listen: '[::1]:9000'", "http://[::1]:9000"),
        ("listen: ':9000'", "http://127.0.0.1:9000"), ("listen: 10.1.2.3:80", "http://10.1.2.3:80"),
        ("{ listen: localhost:1, tls: { certificate: c, private_key: k } }", "https://localhost:1"),
    ])
    func `links begin with the listener's address unless told otherwise`(server: String, base: String) throws {
        let section = server.hasPrefix("{") ? server : "{ \(server) }"
        #expect(try SampleFile.read("server: \(section)").server.linkBase == base)
    }

    @Test func `keys, their models and the admin token are read`() throws {
        let auth = try SampleFile.read(
            """
            auth:
              mode: keys
              admin_token: ${ADMIN}
              keys:
                - { name: alice, key: "${ALICE_KEY}", models: ["gemini-*", imagen-4.0-generate-001] }
                - { name: bob, key: sk-bob }
            """,
            ["ADMIN": "t-1", "ALICE_KEY": "sk-alice"]
        ).auth
        #expect(auth.keys.map(\.name) == ["alice", "bob"])
        #expect(auth.keys.map(\.key) == [Secret("sk-alice"), Secret("sk-bob")])
        #expect(auth.keys.map(\.models) == [["gemini-*", "imagen-4.0-generate-001"], ["*"]])
        #expect(auth.adminToken == Secret("t-1"))
    }

    @Test func `a bucket is read`() throws {
        let configuration = try SampleFile.read(
            """
            storage:
              kind: s3
              endpoint: https://s3.eu-central-1.amazonaws.com
              public_endpoint: https://cdn.example.com
              region: eu-central-1
              bucket: pictures
              prefix: images/
              addressing: path
              signature: v4
              access_key_id: AKID
              secret_access_key: ${S3_SECRET}
              session_token: ${S3_TOKEN}
              url_lifetime: 7d
              path: data/images
            """,
            ["S3_SECRET": "s-1", "S3_TOKEN": ""]
        )
        guard case .s3(let bucket) = configuration.storage else { return #expect(Bool(false), "not a bucket") }
        #expect(bucket.endpoint == "https://s3.eu-central-1.amazonaws.com")
        #expect(bucket.publicEndpoint == "https://cdn.example.com")
        #expect(bucket.region == "eu-central-1")
        #expect(bucket.bucket == "pictures")
        #expect(bucket.prefix == "images/")
        #expect(bucket.usesPathStyle)
        #expect(bucket.accessKeyID == "AKID")
        #expect(bucket.secretAccessKey == Secret("s-1"))
        #expect(bucket.sessionToken == nil)
        #expect(configuration.linkLifetime == .seconds(604_800))
    }

    @Test func `a bucket of OSS is read`() throws {
        let configuration = try SampleFile.read(
            """
            storage:
              kind: oss
              endpoint: https://oss-cn-hangzhou-internal.aliyuncs.com
              public_endpoint: https://img.example.com
              public_addressing: domain
              bucket: pictures
              prefix: images/
              addressing: virtual
              signature: v1
              sign_host: false
              access_key_id: LTAI
              secret_access_key: ${OSS_SECRET}
              session_token: ${OSS_TOKEN}
              url_lifetime: 12h
              path: data/images
            """,
            ["OSS_SECRET": "s-1", "OSS_TOKEN": "t-1"]
        )
        guard case .oss(let bucket) = configuration.storage else { return #expect(Bool(false), "not a bucket of OSS") }
        #expect(bucket.endpoint == "https://oss-cn-hangzhou-internal.aliyuncs.com")
        #expect(bucket.publicEndpoint == "https://img.example.com")
        #expect(bucket.addressing == .virtual && bucket.publicAddressing == .domain)
        #expect(bucket.region == nil && bucket.bucket == "pictures" && bucket.prefix == "images/")
        #expect(bucket.signature == .v1 && !bucket.signsHost)
        #expect(bucket.accessKeyID == "LTAI" && bucket.secretAccessKey == Secret("s-1"))
        #expect(bucket.sessionToken == Secret("t-1"))
        #expect(configuration.linkLifetime == .seconds(43_200))
    }

    @Test func `a bucket of OSS needs no more than where it is and a key`() throws {
        let configuration = try SampleFile.read(
            "storage: { kind: oss, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, session_token: '' }"
        )
        guard case .oss(let bucket) = configuration.storage else { return #expect(Bool(false), "not a bucket of OSS") }
        #expect(bucket.signature == .v4 && !bucket.signsHost && bucket.sessionToken == nil)
        #expect(bucket.region == nil && bucket.addressing == nil && bucket.publicEndpoint == nil)
    }

    @Test func `the other kinds of storage are read`() throws {
        guard case .local(let path) = try SampleFile.read("storage: { path: /srv/pictures }").storage else {
            return #expect(Bool(false), "not a folder")
        }
        #expect(path == "/srv/pictures")
        guard case .none = try SampleFile.read("storage: { kind: none }").storage else {
            return #expect(Bool(false), "some storage")
        }
        // A bucket's settings may stay in the file while the pictures go to a folder.
        guard case .local = try SampleFile.read("storage: { kind: local, bucket: b, endpoint: e }").storage else {
            return #expect(Bool(false), "not a folder")
        }
    }

    @Test(arguments: [
        ("strategy: { weighted: { google: 3, imagen: 1 } }", ["google": 3, "imagen": 1]),
        ("strategy: weighted, weighted: { google: 3, imagen: 0 }", ["google": 3, "imagen": 0]),
        ("weighted: { google: 1 }", ["google": 1]),
        ("strategy: priority", nil),
        ("on_refusal: report", nil),
    ])
    func `weights are read in every form`(line: String, weights: [String: Int]?) throws {
        let configuration = try SampleFile.read(
            """
            providers: [ { name: google, kind: gemini, api_keys: [k] }, { kind: imagen, api_keys: [k] } ]
            routes: [ { match: "", providers: [google, imagen], \(line) } ]
            """
        )
        #expect(configuration.routes.map(\.weights) == [weights])
    }

    @Test func `a route in block form, with what to do about refusals`() throws {
        let configuration = try SampleFile.read(
            """
            routes:
              - match: gemini-
                providers: [google]
                strategy:
                  weighted: {google: 3}
                on_refusal: fail_over
            """
        )
        #expect(configuration.routes.first?.weights == ["google": 3])
        #expect(configuration.routes.first?.onRefusal == .failOver)
    }

    @Test func `providers, routes and aliases are read`() throws {
        let configuration = try SampleFile.read(
            """
            providers:
              - name: google
                kind: gemini
                base_url: http://127.0.0.1:9090
                api_keys: ["${A}", "${B}"]
                max_concurrent: 0
                requests_per_minute: 300
                timeout: 250ms
                poll_interval: 10s
                models: { gemini-3-pro-image-preview: gemini-3-pro-image }
                resubmit_unknown: never
                failed_task: report
                result_base_url: https://cdn.example.com
                allow_private_network: true
              - { kind: imagen, api_keys: [k-3] }
            routes:
              - { match: gemini-, providers: [google], strategy: priority }
              - { match: "", providers: [google, imagen] }
            aliases: { nano-banana: gemini-3-pro-image-preview }
            """,
            ["A": "k-1", "B": "k-2"]
        )
        let google = configuration.providers[0]
        #expect(google.name == "google")
        #expect(google.kind == "gemini")
        #expect(google.baseURL == "http://127.0.0.1:9090")
        #expect(google.apiKeys == [Secret("k-1"), Secret("k-2")])
        #expect(google.maxConcurrent == 0)
        #expect(google.timeout == .milliseconds(250))
        #expect(google.pollInterval == .seconds(10))
        #expect(google.models == ["gemini-3-pro-image-preview": "gemini-3-pro-image"])
        #expect(google.resubmitUnknown == .never)
        #expect(google.requestsPerMinute == 300)
        #expect(google.failedTask == .report)
        #expect(google.resultBaseURL == "https://cdn.example.com")
        #expect(google.allowsPrivateNetwork)
        #expect(configuration.providers[1].name == "imagen")
        #expect(configuration.routes.map(\.match) == ["gemini-", ""])
        #expect(configuration.routes.map(\.providers) == [["google"], ["google", "imagen"]])
        #expect(configuration.aliases == ["nano-banana": "gemini-3-pro-image-preview"])
    }

    @Test func `engine, database and log are read`() throws {
        let configuration = try SampleFile.read(
            """
            database: { url: "sqlite:/var/lib/gateway.sqlite" }
            engine: { workers: 8, task_timeout: 1h, drain_timeout: 0s, task_retention: 30d, queue_limit: 5000 }
            log: { level: debug, format: text }
            """
        )
        #expect(configuration.database.path == "/var/lib/gateway.sqlite")
        #expect(configuration.engine.workers == 8)
        #expect(configuration.engine.queueLimit == 5000)
        #expect(configuration.engine.taskTimeout == .seconds(3600))
        #expect(configuration.engine.drainTimeout == .zero)
        #expect(configuration.engine.taskRetention == .seconds(30 * 86_400))
        #expect(configuration.log.level == "debug")
        #expect(configuration.log.format == .text)
    }

    @Test func `limits hold for every key that says nothing else`() async throws {
        let configuration = try SampleFile.read(
            """
            limits: { requests_per_minute: 600, concurrent_tasks: 50 }
            auth:
              keys:
                - { name: alice, key: sk-alice }
                - { name: bob, key: sk-bob, limits: { requests_per_minute: 6 } }
                - { name: carol, key: sk-carol, limits: { requests_per_minute: 0, concurrent_tasks: 9 } }
            """
        )
        let general = CallerLimits(requestsPerMinute: 600, concurrentTasks: 50)
        #expect(configuration.limits == general)
        #expect(
            configuration.auth.keys.map(\.limits) == [
                general, CallerLimits(requestsPerMinute: 6, concurrentTasks: 50), CallerLimits(concurrentTasks: 9),
            ]
        )
        let anyone = NoCallerDirectory(limits: configuration.limits)
        #expect(await anyone.caller(presenting: nil)?.limits == general)
    }

    // MARK: Forms

    @Test(arguments: [
        ("250ms", 250), ("3s", 3000), ("15m", 900_000), ("24h", 86_400_000), ("7d", 604_800_000), ("1ms", 1),
        ("0090s", 90_000),
    ])
    func `durations have units`(text: String, milliseconds: Int) throws {
        let configuration = try SampleFile.read("server: { sync_wait: \(text) }")
        #expect(configuration.server.syncWait == .milliseconds(milliseconds))
        #expect(GatewayConfiguration.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["3", "s", "-3s", "1.5s", "3 s", "3S", "3min", "3w", "٣s", "99999999999s", "soon", "''"])
    func `what is no duration is refused`(text: String) {
        let mistakes = SampleFile.mistakes(SampleFile.text("server: { sync_wait: \(text) }"))
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix("server.sync_wait must be a duration such as 250ms") == true)
    }

    @Test(arguments: [("1B", 1), ("64KiB", 65_536), ("50MiB", 52_428_800), ("2GiB", 2_147_483_648)])
    func `sizes have units`(text: String, bytes: Int) throws {
        #expect(try SampleFile.read("server: { max_body: \(text) }").server.maxBody == bytes)
    }

    @Test(arguments: ["64", "64KB", "64kib", "0MiB", "-1MiB", "1.5MiB", "9999999999GiB", "MiB"])
    func `what is no size is refused`(text: String) {
        let mistakes = SampleFile.mistakes(SampleFile.text("server: { max_body: \(text) }"))
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix("server.max_body must be a size such as 64KiB or 50MiB") == true)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.8.8.8", true), ("localhost", true), ("::1", true), ("0.0.0.0", false),
        ("::", false), ("10.0.0.1", false), ("127.0.0.1.example.com", false), ("127.example.com", false),
        ("128.0.0.1", false), ("localhost.example.com", false),
    ])
    func `loopback is what only this machine can reach`(host: String, isLoopback: Bool) {
        #expect(Address(host: host, port: 80).isLoopback == isLoopback)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import ImageGateway
import Testing

/// What a configuration file may not say: a sentence for each mistake, naming the key.
@Suite struct ConfigurationMistakeTests {
    private static let weightsExample = "for example strategy: { weighted: { google: 3, hingnet: 1 } }"

    /// Each file has exactly one mistake, and this is what is said about it.
    @Test(arguments: [
        // Keys nobody knows, with the nearest one that is known.
        ("sever: {}", "sever is not a known key. Did you mean server?"),
        ("server: { lisen: 127.0.0.1:1 }", "server.lisen is not a known key. Did you mean server.listen?"),
        (
            "server: { tls: { certificate: c, private_key: k, privatekey: k } }",
            "server.tls.privatekey is not a known key. Did you mean server.tls.private_key?"
        ),
        ("engine: { worker: 3 }", "engine.worker is not a known key. Did you mean engine.workers?"),
        (
            "auth: { keys: [ { name: a, key: k, model: [x] } ] }",
            "auth.keys[0].model is not a known key. Did you mean auth.keys[0].models?"
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], api_key: k } ]",
            "providers[0].api_key is not a known key. Did you mean providers[0].api_keys?"
        ),
        (
            "storage: { kind: local, url_life: 1h }",
            "storage.url_life is not a known key. Did you mean storage.url_lifetime?"
        ),
        ("log: { fromat: text }", "log.fromat is not a known key. Did you mean log.format?"),

        // Keys of later versions.
        (
            "limits: { request_per_minute: 6 }",
            "limits.request_per_minute is not a known key. Did you mean limits.requests_per_minute?"
        ),
        (
            "limits: { concurrent_tasks: -1 }",
            "limits.concurrent_tasks must be a whole number from 0 to 1000000, not '-1'."
        ),
        (
            "auth: { keys: [ { name: a, key: k, limits: { requests_per_minute: some } } ] }",
            "auth.keys[0].limits.requests_per_minute must be a whole number from 0 to 1000000, not 'some'."
        ),
        ("fetch: { max_byte: 1MiB }", "fetch.max_byte is not a known key. Did you mean fetch.max_bytes?"),
        (
            "fetch: { allow: [10.0.0.0/8, everywhere] }",
            "fetch.allow must list addresses or blocks such as 10.1.0.0/16, not 'everywhere'."
        ),
        (
            "engine: { queue_limit: 0 }",
            "engine.queue_limit must be a whole number from 1 to 100000000, not '0'."
        ),
        (
            "engine: { task_retention: 23h }",
            "engine.task_retention must be at least storage.url_lifetime: a task is kept while its links live."
        ),
        ("engine: { memory_budget: 1 GB }", "engine.memory_budget must be a size such as 64KiB or 50MiB, not '1 GB'."),
        (
            "providers: [ { kind: gemini, api_keys: [k], requests_per_minute: many } ]",
            "providers[0].requests_per_minute must be a whole number from 0 to 1000000, not 'many'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], failed_task: retry } ]",
            "providers[0].failed_task must be one of: fail_over, report, not 'retry'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], result_base_url: cdn.example.com } ]",
            "providers[0].result_base_url must begin with http:// or https://."
        ),
        (
            "database: { url: postgres://u:canary@h/n }",
            "database.url must be sqlite:PATH; other databases are not supported by this version."
        ),
        ("storage: { kind: cos }", "storage.kind must be one of: local, s3, oss, none, not 'cos'."),

        // Values that mean nothing.
        ("server: { listen: nowhere }", "server.listen must be HOST:PORT, not 'nowhere'."),
        ("server: { listen: '127.0.0.1:70000' }", "server.listen must be HOST:PORT, not '127.0.0.1:70000'."),
        (
            "server: { public_url: pictures.example.com }",
            "server.public_url must begin with http:// or https://."
        ),
        ("server: { public_url: '' }", "server.public_url may not be empty."),
        ("server: { parameters: loose }", "server.parameters must be one of: strict, nearest, not 'loose'."),
        ("server: { tls: { certificate: c } }", "server.tls.private_key is missing."),
        ("server: { tls: true }", "server.tls must be a mapping of keys."),
        ("server: [1]", "server must be a mapping of keys."),
        ("server: { listen: { host: x } }", "server.listen must be a single value."),
        (
            "server: { admin_listen: '127.0.0.1:8080' }",
            "server.admin_listen must be another address than server.listen."
        ),
        ("engine: { workers: 0 }", "engine.workers must be a whole number from 1 to 10000, not '0'."),
        ("engine: { workers: many }", "engine.workers must be a whole number from 1 to 10000, not 'many'."),
        (
            "engine: { task_timeout: 0s }",
            "engine.task_timeout must be a duration such as 250ms, 3s, 15m, 24h or 7d, not '0s'."
        ),
        (
            "log: { level: loud }",
            "log.level must be one of: trace, debug, info, notice, warning, error, critical."
        ),
        ("log: { format: xml }", "log.format must be one of: json, text, not 'xml'."),
        ("storage: { url_lifetime: 8d }", "storage.url_lifetime must be from 1s to 7d."),
        ("storage: { url_lifetime: 500ms }", "storage.url_lifetime must be from 1s to 7d."),
        ("storage: { bucket: b }", "storage.kind is missing: s3 or oss for a bucket, local for a folder."),
        ("storage: { path: '' }", "storage.path may not be empty."),
        ("storage: { kind: s3, endpoint: e, bucket: b, access_key_id: a }", "storage.secret_access_key is missing."),
        (
            "storage: { kind: s3, endpoint: e, bucket: '', access_key_id: a, secret_access_key: s }",
            "storage.bucket may not be empty."
        ),
        (
            "storage: { kind: s3, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, signature: v2 }",
            "storage.signature must be v4 for s3."
        ),
        (
            "storage: { kind: s3, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, sign_host: true }",
            "storage.sign_host is for oss only."
        ),
        ("storage: { kind: oss, bucket: b, access_key_id: a, secret_access_key: s }", "storage.endpoint is missing."),
        (
            "storage: { kind: oss, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, signature: v2 }",
            "storage.signature must be one of: v4, v1, not 'v2'."
        ),
        (
            "storage: { kind: oss, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, addressing: path }",
            "storage.addressing must be one of: virtual, domain, not 'path'."
        ),
        (
            "storage: { kind: s3, endpoint: e, bucket: b, access_key_id: a, secret_access_key: s, addressing: domain }",
            "storage.addressing must be one of: virtual, path, not 'domain'."
        ),
        ("storage: { addressing: dns }", "storage.addressing must be one of: virtual, path, domain, not 'dns'."),

        // Keys.
        (
            "auth: { mode: keys }",
            "auth.keys is empty: add a key, or set auth.mode: none (on loopback only)."
        ),
        ("auth: { keys: [ { key: k } ] }", "auth.keys[0].name is missing."),
        ("auth: { keys: [ { name: a, key: '' } ] }", "auth.keys[0].key may not be empty."),
        ("auth: { keys: [ { name: a, key: k }, { name: a, key: l } ] }", "auth.keys has two keys named 'a'."),
        (
            "auth: { keys: [ { name: a, key: k }, { name: b, key: k } ] }",
            "auth.keys has the same key under two names."
        ),
        ("auth: { mode: open }", "auth.mode must be one of: keys, none, not 'open'."),
        ("auth: { admin_token: '', keys: [ { name: a, key: k } ] }", "auth.admin_token may not be empty."),
        (
            "server: { listen: '0.0.0.0:80' }\nauth: { mode: none }",
            "auth.mode may be none only when server.listen is a loopback address."
        ),
        (
            "server: { listen: '127.0.0.1.example.com:80' }\nauth: { mode: none }",
            "auth.mode may be none only when server.listen is a loopback address."
        ),
        (
            "server: { admin_listen: ':8081' }",
            "auth.admin_token is needed when server.admin_listen is not a loopback address."
        ),

        // Providers, routes, aliases.
        ("providers: []", "providers is empty: name at least one vendor."),
        ("providers: google", "providers must be a list."),
        ("providers: [ { name: x, api_keys: [k] } ]", "providers[0].kind is missing."),
        (
            "providers: [ { name: x, kind: dalle, api_keys: [k] } ]",
            "providers[0].kind must be one of: gemini, imagen, aitoearn, hingnet, not 'dalle'."
        ),
        ("providers: [ { kind: gemini } ]", "providers[0].api_keys is missing."),
        (
            "providers: [ { kind: gemini, api_keys: [] } ]",
            "providers[0].api_keys needs at least one entry, and none may be empty."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k, ''] } ]",
            "providers[0].api_keys needs at least one entry, and none may be empty."
        ),
        ("providers: [ { kind: gemini, api_keys: k } ]", "providers[0].api_keys must be a list."),
        (
            "providers: [ { kind: gemini, api_keys: [k], base_url: example.com } ]",
            "providers[0].base_url must begin with http:// or https://."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], max_concurrent: -1 } ]",
            "providers[0].max_concurrent must be a whole number from 0 to 100000, not '-1'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], poll_interval: 0s } ]",
            "providers[0].poll_interval must be a duration such as 250ms, 3s, 15m, 24h or 7d, not '0s'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], resubmit_unknown: always } ]",
            "providers[0].resubmit_unknown must be one of: never, once, not 'always'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], allow_private_network: perhaps } ]",
            "providers[0].allow_private_network must be true or false, not 'perhaps'."
        ),
        (
            "providers: [ { kind: gemini, api_keys: [k], models: [a] } ]",
            "providers[0].models must be a mapping of names."
        ),
        (
            "providers: [ { name: x, kind: gemini, api_keys: [k] }, { name: x, kind: imagen, api_keys: [k] } ]",
            "providers has two entries named 'x'."
        ),
        (
            "routes: [ { match: gemini-, providers: [other] } ]",
            "routes names the provider 'other', which providers does not have."
        ),
        ("routes: [ { match: gemini- } ]", "routes[0].providers is missing."),
        ("routes: [ { providers: [google] } ]", "routes[0].match is missing."),
        (
            "routes: [ { match: a, providers: [google] }, { match: a, providers: [google] } ]",
            "routes has two entries that match 'a'."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: weighted } ]",
            "routes[0].strategy needs the providers' weights, \(weightsExample)."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: {} } ]",
            "routes[0].strategy needs the providers' weights, \(weightsExample)."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: { weighted: { google: 1 } }, weighted: { google: 1 } } ]",
            "routes[0].weighted is there twice; take one out."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: random } ]",
            "routes[0].strategy must be priority, or weighted with weights, \(weightsExample)."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: { weight: { google: 1 } } } ]",
            "routes[0].strategy.weight is not a known key. Did you mean routes[0].strategy.weighted?"
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: priority, weighted: { google: 1 } } ]",
            "routes[0].weighted has no effect with strategy: priority; take one out."
        ),
        (
            "routes: [ { match: a, providers: [google], weighted: { other: 1 } } ]",
            "routes[0].weighted.other is not in the providers of this route."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: { weighted: { google: 0 } } } ]",
            "routes[0].strategy.weighted needs at least one provider with a weight above 0."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: { weighted: { google: heavy } } } ]",
            "routes[0].strategy.weighted.google must be a whole number from 0 to 1000, not 'heavy'."
        ),
        (
            "routes: [ { match: a, providers: [google], strategy: { weighted: google } } ]",
            "routes[0].strategy.weighted must be a mapping of keys."
        ),
        (
            "routes: [ { match: a, providers: [google], on_refusal: retry } ]",
            "routes[0].on_refusal must be one of: report, fail_over, not 'retry'."
        ),
        (
            "routes: [ { match: a, providers: [google], weight: 3 } ]",
            "routes[0].weight is not a known key. Did you mean routes[0].weighted?"
        ),
        (
            "aliases: { banana: no-such-model }",
            "aliases.banana names the model 'no-such-model', which no provider serves."
        ),
        ("aliases: [a]", "aliases must be a mapping of names."),
    ])
    func `one mistake is one sentence`(sections: String, sentence: String) {
        #expect(SampleFile.mistakes(SampleFile.text(sections)) == [sentence])
    }

    @Test func `every mistake is told at once, in the order of the file`() {
        let mistakes = SampleFile.mistakes(
            """
            server: { listen: nowhere, sync_wait: soon, colour: red }
            auth: { keys: [ { name: alice, key: "${ALICE}" } ] }
            providers: [ { kind: gemini } ]
            engine: { workers: -1 }
            """
        )
        #expect(
            mistakes == [
                "server.listen must be HOST:PORT, not 'nowhere'.",
                "server.sync_wait must be a duration such as 250ms, 3s, 15m, 24h or 7d, not 'soon'.",
                "server.colour is not a known key. Did you mean server.tls?",
                "auth.keys[0].key needs the environment variable ALICE, which is not set.",
                "providers[0].api_keys is missing.",
                "engine.workers must be a whole number from 1 to 10000, not '-1'.",
            ]
        )
    }

    // MARK: Environment variables

    @Test(arguments: [
        ("server: { public_url: \"${BASE}\" }", "server.public_url"),
        ("database: { url: \"sqlite:${BASE}\" }", "database.url"),
        ("providers: [ { kind: gemini, api_keys: [k, \"${BASE}\"] } ]", "providers[0].api_keys[1]"),
        ("providers: [ { kind: gemini, api_keys: [k], models: { a: \"${BASE}\" } } ]", "providers[0].models.a"),
        ("routes: [ { match: a, providers: [\"${BASE}\"] } ]", "routes[0].providers[0]"),
        (
            "storage: { kind: s3, endpoint: e, bucket: b, access_key_id: a, secret_access_key: \"x${BASE}y\" }",
            "storage.secret_access_key"
        ),
        ("aliases: { banana: \"${BASE}\" }", "aliases.banana"),
    ])
    func `a variable that is not set is named with its key`(sections: String, key: String) {
        let sentence = "\(key) needs the environment variable BASE, which is not set."
        #expect(SampleFile.mistakes(SampleFile.text(sections)) == [sentence])
    }

    @Test func `variables stand anywhere in a value, several times`() throws {
        let configuration = try SampleFile.read(
            "server: { public_url: \"https://${HOST}:${PORT}/${HOST}\" }",
            ["HOST": "h.example", "PORT": "8443"]
        )
        #expect(configuration.server.publicURL == "https://h.example:8443/h.example")
    }

    @Test func `what a variable holds is not read again`() throws {
        let configuration = try SampleFile.read(
            "server: { public_url: \"https://${A}\" }",
            ["A": "${B}: x # y", "B": "no"]
        )
        #expect(configuration.server.publicURL == "https://${B}: x # y")
    }

    @Test func `a variable without an end is a mistake`() {
        let sentence = "server.public_url has '${' without '}'."
        #expect(SampleFile.mistakes(SampleFile.text("server: { public_url: \"https://${HOST\" }")) == [sentence])
    }

    // MARK: Files that are none

    @Test(arguments: ["", "# nothing", "---", "~"])
    func `an empty file lacks what every file needs`(text: String) {
        #expect(
            SampleFile.mistakes(text) == [
                "auth.keys is empty: add a key, or set auth.mode: none (on loopback only).",
                "providers is empty: name at least one vendor.",
            ]
        )
    }

    @Test func `a list is no configuration`() {
        #expect(SampleFile.mistakes("[1, 2]").contains("The configuration must be a mapping of keys."))
    }

    @Test(arguments: [
        "server: [unclosed", "server: { listen: a\nauth: x", "a: b: c", "\tserver: {}", "server: *nothing",
        "auth: { keys: [ { name: a, key: sk-canary-literal ] }", "key: \"sk-canary-literal\n",
    ])
    func `what is no YAML is told with its place, and without the line`(text: String) {
        let mistakes = SampleFile.mistakes(text)
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains("is not valid YAML") == true)
        #expect(mistakes.first?.contains("line ") == true)
        #expect(mistakes.first?.contains("canary") == false)
        #expect(mistakes.first?.contains("\n") == false)
    }

    @Test(arguments: [
        ("server: {}\nserver: { listen: 127.0.0.1:1 }", "server"),
        ("auth: { keys: [ { name: a, key: sk-canary, key: sk-canary } ] }", "key"),
    ])
    func `a key that is there twice is named`(text: String, key: String) {
        let mistakes = SampleFile.mistakes(text)
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix("The configuration has a key twice: \(key) (line ") == true)
        #expect(mistakes.first?.contains("canary") == false)
    }
}

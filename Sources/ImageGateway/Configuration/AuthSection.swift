// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension GatewayConfiguration.Auth {
    /// Reads `auth`.
    ///
    /// - Parameter limits: What holds for a key that says nothing else.
    init(_ reader: SettingsReader, _ limits: CallerLimits) {
        self.init()
        let named: Mode? = reader.choice("mode")
        mode = named ?? mode
        let needsKeys = named == .keys || !reader.has("mode")
        let sentence = "is empty: add a key, or set auth.mode: none (on loopback only)."
        for entry in needsKeys ? reader.neededSections("keys", sentence) : reader.sections("keys") {
            let (name, key) = (entry.neededText("name"), entry.neededText("key"))
            let models = entry.texts("models") ?? ["*"]
            let limits = CallerLimits(entry.section("limits"), unlessSet: limits)
            entry.close()
            if let name, let key { keys.append(Key(name: name, key: Secret(key), models: models, limits: limits)) }
        }
        adminToken = reader.secret("admin_token")
        reader.close()
    }
}

extension CallerLimits {
    /// Reads `limits`; 0 stands for no limit.
    ///
    /// - Parameters:
    ///   - reader: The section.
    ///   - general: What holds where the section says nothing.
    init(_ reader: SettingsReader, unlessSet general: CallerLimits = CallerLimits()) {
        self = general
        if let number = reader.integer("requests_per_minute", 0...1_000_000) {
            requestsPerMinute = number == 0 ? nil : number
        }
        if let number = reader.integer("concurrent_tasks", 0...1_000_000) {
            concurrentTasks = number == 0 ? nil : number
        }
        reader.close()
    }
}

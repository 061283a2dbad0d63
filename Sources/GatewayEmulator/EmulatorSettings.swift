// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What an emulated vendor does when it is asked for a picture.
///
/// The values here hold for every call; magic words in a prompt overrule them for one call, see ``Emulator``. They can
/// be changed while the emulator runs, by ``Emulator/change(_:)`` or by `PUT /_emulator/settings`.
public struct EmulatorSettings: Sendable, Equatable {
    /// How long a call takes, from its acceptance to the first byte of the answer; of a range, anything in it.
    public var latency: ClosedRange<Duration> = .zero ... .zero
    /// Which share of the calls fails, 0 to 1.
    public var faultRate: Double = 0
    /// The faults to choose from, by name; see `GET /_emulator/faults`.
    public var faults: [String] = []
    /// The fault of every call with a key.
    public var keyFaults: [String: String] = [:]
    /// The fault of every call for a model, by the vendor's name of it.
    public var modelFaults: [String: String] = [:]
    /// The fault of every call to a vendor, `gemini`, `imagen` and so on.
    public var vendorFaults: [String: String] = [:]
    /// What chance follows from: the same seed and calls give the same faults and latencies.
    public var seed: UInt64 = 1
    /// The keys that are good, besides every key that begins with `emulated-`.
    public var keys: [String] = []
    /// To how many bytes every picture's file is filled up; `nil` leaves pictures as they are.
    public var pictureBytes: Int?
    /// How many pictures of one prompt a model without a seed draws before it repeats itself.
    public var variations = 4
    /// The largest request, in bytes.
    public var requestLimit = 20 << 20
    /// What has become of the Imagen models.
    public var imagen: ImagenMode = .retired
    /// Models that answer that they are closed to new users.
    public var closedModels: [String] = []
    /// The words for a task's states at HingNet, in order; the last one means that it is done.
    public var hingnetStates = ["pending", "in_progress", "completed"]
    /// The status of HingNet's answer that it has no storage, and so no tasks; `nil` if it has.
    public var hingnetStorageOff: Int?
    /// How long a dripping answer takes.
    public var drip: Duration = .seconds(10)
    /// How long an answer that never comes, or never ends, keeps its connection.
    public var hold: Duration = .seconds(600)

    /// Creates settings under which every valid call succeeds at once.
    public init() {}

    /// The settings of a demonstration: everything draws, at a pace one can watch.
    public static var demo: EmulatorSettings {
        var settings = EmulatorSettings()
        settings.latency = .milliseconds(800) ... .milliseconds(2200)
        settings.imagen = .legacy
        return settings
    }

    /// What has become of a family of models.
    public enum ImagenMode: String, Sendable, CaseIterable {
        /// Shut down: every call answers 404, as the vendor's service does.
        case retired
        /// As they were while they were offered.
        case legacy
    }
}

/// Why settings are not accepted.
public struct EmulatorSettingsError: Error, Sendable, Equatable {
    /// One sentence that names the setting.
    public var message: String

    /// Creates an error.
    public init(_ message: String) {
        self.message = message
    }
}

extension EmulatorSettings {
    /// The longest picture file, in bytes.
    static let largestPicture = 100 << 20
    /// The longest any answer is put off.
    static let longestWait: Duration = .seconds(3600)

    /// Finds what cannot be done.
    func check() throws(EmulatorSettingsError) {
        guard (0...1).contains(faultRate) else { throw EmulatorSettingsError("fault_rate must be between 0 and 1.") }
        guard faultRate == 0 || !faults.isEmpty else {
            throw EmulatorSettingsError("fault_rate needs faults to choose from: set faults.")
        }
        for fault in faults + keyFaults.values + modelFaults.values where !FaultCatalog.has(fault) {
            throw EmulatorSettingsError(FaultCatalog.unknown(fault))
        }
        for vendor in vendorFaults.keys where !FaultCatalog.vendors.contains(vendor) {
            throw EmulatorSettingsError(
                "vendor_faults names \(vendor); the vendors are \(FaultCatalog.vendors.joined(separator: ", "))."
            )
        }
        for (vendor, fault) in vendorFaults where !FaultCatalog.has(fault, vendor: vendor) {
            throw EmulatorSettingsError(FaultCatalog.unknown(fault))
        }
        guard latency.lowerBound >= .zero, latency.upperBound <= Self.longestWait else {
            throw EmulatorSettingsError("latency must be between 0s and 1h.")
        }
        guard (0...Self.largestPicture).contains(pictureBytes ?? 0) else {
            throw EmulatorSettingsError("picture_bytes must be between 0 and \(Self.largestPicture).")
        }
        guard (1...1_000_000).contains(variations) else {
            throw EmulatorSettingsError("variations must be between 1 and 1000000.")
        }
        guard (1...200 << 20).contains(requestLimit) else {
            throw EmulatorSettingsError("request_limit must be between 1 and \(200 << 20).")
        }
        guard (1...20).contains(hingnetStates.count), hingnetStates.allSatisfy({ (1...64).contains($0.utf8.count) })
        else {
            throw EmulatorSettingsError("hingnet_states must be 1 to 20 words.")
        }
        guard (200...599).contains(hingnetStorageOff ?? 200) else {
            throw EmulatorSettingsError("hingnet_storage_off must be a status from 200 to 599.")
        }
        for (name, time) in [("drip", drip), ("hold", hold)] where time < .zero || time > Self.longestWait {
            throw EmulatorSettingsError("\(name) must be between 0s and 1h.")
        }
    }
}

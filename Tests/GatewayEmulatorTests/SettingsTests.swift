// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import GatewayEmulator

@Suite struct SettingsTests {
    @Test func `settings come back as they were shown`() throws {
        var settings = EmulatorSettings()
        settings.latency = .milliseconds(250) ... .seconds(3)
        settings.faultRate = 0.25
        settings.faults = ["unavailable", "finish:IMAGE_SAFETY"]
        settings.keyFaults = ["emulated-b": "rate-limit"]
        settings.modelFaults = ["gemini-3-pro-image": "503"]
        settings.vendorFaults = ["imagen": "drop"]
        settings.seed = 42
        settings.keys = ["another"]
        settings.pictureBytes = 1_000_000
        settings.variations = 9
        settings.requestLimit = 1000
        settings.imagen = .legacy
        settings.closedModels = ["gemini-2.5-flash-image"]
        settings.drip = .milliseconds(1500)
        settings.hold = .seconds(7)

        let read = try EmulatorSettings().changed(by: settings.json)

        #expect(read == settings)
    }

    @Test func `what is not named stays`() throws {
        var settings = EmulatorSettings()
        settings.seed = 7

        let changed = try settings.changed(by: ["latency": "1s-2s", "picture_bytes": "1.5MB"])

        #expect(changed.seed == 7)
        #expect(changed.latency == .seconds(1) ... .seconds(2))
        #expect(changed.pictureBytes == 1_500_000)
        #expect(try changed.changed(by: ["picture_bytes": .null]).pictureBytes == nil)
    }

    static let mistakes: [(JSON, String)] = [
        (["colour": 1], "colour"), (["latency": 3], "latency"), (["latency": "3 s"], "latency"),
        (["latency": "3s-1s"], "latency"), (["latency": "2h"], "latency"), (["fault_rate": 2], "fault_rate"),
        (["fault_rate": .number("0.5")], "faults"), (["faults": ["nonsense"]], "nonsense"),
        (["faults": "503"], "faults"),
        (["key_faults": ["emulated-a": "nonsense"]], "nonsense"), (["vendor_faults": ["acme": "503"]], "acme"),
        (["seed": -1], "seed"), (["picture_bytes": -1], "picture_bytes"), (["picture_bytes": "1GB"], "picture_bytes"),
        (["variations": 0], "variations"), (["request_limit": 0], "request_limit"), (["imagen": "gone"], "imagen"),
        (["keys": [1]], "keys"), (["drip": "soon"], "drip"), (["hold": "2h"], "hold"), ([], "object"),
    ]

    @Test(arguments: mistakes)
    func `a setting that cannot be is named`(json: JSON, name: String) {
        let error = #expect(throws: EmulatorSettingsError.self) { try EmulatorSettings().changed(by: json) }

        #expect(error?.message.contains(name) == true)
    }

    @Test func `an emulator does not start with settings that cannot be`() {
        var settings = EmulatorSettings()
        settings.faultRate = 1

        #expect(throws: EmulatorSettingsError.self) { try Emulator(settings: settings) }
    }

    @Test(arguments: [
        ("250ms", 250), ("3s", 3000), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0),
    ])
    func `durations are read as they are written`(text: String, milliseconds: Int) {
        #expect(Notation.duration(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: ["", "s", "3", "-3s", "3 s", "3d", "1e3s", "..s", "ms"])
    func `what is no duration is refused`(text: String) {
        #expect(Notation.duration(text) == nil)
    }

    @Test(arguments: [
        ("0", 0), ("1024", 1024), ("64KiB", 65_536), ("1MB", 1_000_000), ("1.5MiB", 1_572_864), ("9B", 9),
    ])
    func `sizes are read as they are written`(text: String, bytes: Int) {
        #expect(Notation.bytes(text) == bytes)
    }
}

@Suite struct MagicWordTests {
    @Test func `a prompt without magic words stays as it is`() throws {
        let words = try MagicWords("a fox [in brackets]  with two spaces")

        #expect(words.spoken == "a fox [in brackets]  with two spaces")
        #expect(words.faults.isEmpty && words.sequence == nil && words.latency == nil)
    }

    @Test func `magic words are taken out of the prompt`() throws {
        let words = try MagicWords("[emulate:latency=1s-2s] a fox [emulate:503] in the snow [emulate:bytes=1MB]")

        #expect(words.spoken == "a fox in the snow")
        #expect(words.latency == .seconds(1) ... .seconds(2))
        #expect(words.pictureBytes == 1_000_000)
        #expect(words.faults == [.init(fault: "503", vendor: nil)])
    }

    @Test func `faults can follow each other and be meant for one vendor`() throws {
        let words = try MagicWords(
            "x [emulate:faults=503@gemini,none,drop][emulate:finish=IMAGE_SAFETY][emulate:block=OTHER]"
        )

        #expect(
            words.sequence == [
                .init(fault: "503", vendor: "gemini"), .init(fault: "none", vendor: nil),
                .init(fault: "drop", vendor: nil),
            ]
        )
        #expect(words.faults.map(\.fault) == ["finish:IMAGE_SAFETY", "block:OTHER"])
    }

    @Test(arguments: [
        "[emulate:nonsense]", "[emulate:fault=nonsense]", "[emulate:colour=red]", "[emulate:latency=x]",
        "[emulate:bytes=1GB]", "[emulate:503@acme]", "[emulate:faults=503,nonsense]", "[emulate:finish=NONSENSE]",
        "[emulate:]",
    ])
    func `a magic word with a mistake is an error`(prompt: String) {
        #expect(throws: EmulatorSettingsError.self) { try MagicWords("a fox \(prompt)") }
    }

    @Test func `there is an end to magic`() {
        #expect(throws: EmulatorSettingsError.self) {
            try MagicWords(String(repeating: "[emulate:503]", count: 33))
        }
    }
}

@Suite struct ConductTests {
    private static func ask(_ prompt: String = "a fox", key: String? = nil) -> VendorAsk {
        VendorAsk(vendor: "gemini", model: "m", prompt: prompt, key: key)
    }

    private static func series(_ settings: EmulatorSettings, _ count: Int = 400) throws -> [Conduct] {
        let words = try MagicWords("a fox")
        return (0..<count).map { Conduct.decide(words, ask(), turn: $0, settings) }
    }

    @Test func `chance follows from the seed`() throws {
        var settings = EmulatorSettings()
        settings.faultRate = 0.5
        settings.faults = ["503", "drop", "rate-limit"]
        settings.latency = .zero ... .seconds(2)
        var other = settings
        other.seed = 2

        let first = try Self.series(settings)
        let second = try Self.series(settings)
        let third = try Self.series(other)
        #expect(first == second)
        #expect(first != third)
    }

    @Test func `faults come as often as the rate says, and all of them do`() throws {
        var settings = EmulatorSettings()
        settings.faultRate = 0.25
        settings.faults = ["503", "drop"]

        let faults = try Self.series(settings).flatMap(\.faults)

        #expect((70...130).contains(faults.count))
        #expect(Set(faults) == ["unavailable", "drop"])
    }

    @Test func `latencies fill their range`() throws {
        var settings = EmulatorSettings()
        settings.latency = .seconds(1) ... .seconds(2)

        let latencies = try Self.series(settings).map(\.latency)

        #expect(latencies.allSatisfy { settings.latency.contains($0) })
        #expect(latencies.contains { $0 < .milliseconds(1100) } && latencies.contains { $0 > .milliseconds(1900) })
    }

    @Test func `faults of key, model and vendor hold for theirs only`() throws {
        var settings = EmulatorSettings()
        settings.keyFaults = ["emulated-b": "rate-limit"]
        settings.modelFaults = ["other": "503"]
        settings.vendorFaults = ["imagen": "drop"]
        let words = try MagicWords("a fox")

        #expect(Conduct.decide(words, Self.ask(key: "emulated-a"), turn: 0, settings).faults.isEmpty)
        #expect(Conduct.decide(words, Self.ask(key: "emulated-b"), turn: 0, settings).faults == ["rate-limit"])
        let model = VendorAsk(vendor: "gemini", model: "other", prompt: "a fox", key: nil)
        #expect(Conduct.decide(words, model, turn: 0, settings).faults == ["unavailable"])
        let vendor = VendorAsk(vendor: "imagen", model: "m", prompt: "a fox", key: nil)
        #expect(Conduct.decide(words, vendor, turn: 0, settings).faults == ["drop"])
    }

    @Test func `a sequence of faults goes with the calls, then ends`() throws {
        let words = try MagicWords("x [emulate:faults=503,none,drop]")

        let faults = (0..<4).map { Conduct.decide(words, Self.ask(), turn: $0, EmulatorSettings()).faults }

        #expect(faults == [["unavailable"], [], ["drop"], []])
    }

    @Test func `pictures of one prompt vary, then repeat themselves`() throws {
        var settings = EmulatorSettings()
        settings.variations = 3

        #expect(try Self.series(settings, 7).map(\.variation) == [0, 1, 2, 0, 1, 2, 0])
    }
}

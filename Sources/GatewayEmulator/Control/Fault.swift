// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Something that goes wrong, by the name that settings and magic words use.
struct Fault: Sendable, Hashable {
    let name: String
    /// What a caller sees, in one sentence.
    let summary: String
}

/// Faults of the connection; every vendor has them.
enum TransportFault: String, Sendable, CaseIterable {
    case dropEarly = "drop-early"
    case drop
    case dropAfterHead = "drop-after-head"
    case cut
    case truncated
    case drip
    case stall
    case endless
    case silent

    var summary: String {
        switch self {
        case .dropEarly: "The connection is closed before anything was made; nothing is billed."
        case .drop: "The picture is made and billed, then the connection is closed without an answer."
        case .dropAfterHead: "The connection is closed behind the head of the answer; billed."
        case .cut: "The connection is closed in the middle of the answer; billed."
        case .truncated: "The answer is complete HTTP, but its body is half of what it should be; billed."
        case .drip: "The answer comes in small pieces over the time that `drip` says; billed."
        case .stall: "Half the answer comes, then nothing for the time that `hold` says; billed."
        case .endless: "White space comes and never the answer, for the time that `hold` says; billed."
        case .silent: "The picture is made and billed, and no byte comes for the time that `hold` says."
        }
    }
}

/// Faults of the picture; every vendor has them.
enum PictureFault: String, Sendable, CaseIterable {
    case wrongType = "wrong-mime"
    case garbage
    case hugeHeader = "huge-header"
    case notBase64 = "not-base64"
    case empty = "empty-data"

    var summary: String {
        switch self {
        case .wrongType: "The picture is announced as PNG when it is JPEG, and the other way round; billed."
        case .garbage: "The picture's bytes are noise; billed."
        case .hugeHeader: "The picture's header claims 60000x60000 pixels; billed."
        case .notBase64: "The picture's text is not base64; billed."
        case .empty: "The picture's text is empty; billed."
        }
    }
}

/// All faults of all vendors.
enum FaultCatalog {
    /// The vendors in the emulator; a new one is one line here.
    static let players: [any EmulatedVendor.Type] = [GoogleVendor.self, HingNetVendor.self, AiToEarnVendor.self]

    /// The names under which the ledger and the settings know the vendors.
    static let vendors: [String] = players.flatMap { $0.names }

    /// The faults of connection and picture.
    static let shared: [Fault] =
        TransportFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }
        + PictureFault.allCases.map { Fault(name: $0.rawValue, summary: $0.summary) }

    /// Every name that some vendor understands, aliases included.
    private static let known: Set<String> = Set(
        (shared + players.flatMap { $0.faults }).map(\.name) + players.flatMap { $0.aliases.keys } + ["none"]
    )

    /// What each vendor understands, with the full name of it.
    private static let names: [String: [String: String]] = players.reduce(into: [:]) { table, player in
        let own = (shared + player.faults).map { ($0.name, $0.name) } + [("none", "none")]
        let all = Dictionary(own) { first, _ in first }.merging(player.aliases) { own, _ in own }
        for vendor in player.names { table[vendor] = all }
    }

    /// Whether a vendor, or any if none is named, has a fault of this name.
    static func has(_ name: some StringProtocol, vendor: String? = nil) -> Bool {
        vendor.map { canonical(name, of: $0) != nil } ?? known.contains(String(name))
    }

    /// The full name of a fault as a vendor has it, `none` for no fault; `nil` if it has none of that name.
    static func canonical(_ name: some StringProtocol, of vendor: String) -> String? {
        names[vendor]?[String(name)]
    }

    /// What to say about a name that no vendor has.
    static func unknown(_ name: some StringProtocol) -> String {
        "The emulator has no fault \(name) there; GET /_emulator/faults lists them."
    }
}

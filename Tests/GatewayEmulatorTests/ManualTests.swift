// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore
import Testing

@testable import GatewayEmulator

@Suite struct ManualTests {
    /// The manual, found from this file: the package's folder need not be the working directory.
    private static func manual() throws -> String {
        let folder = #filePath.dropLast("ManualTests.swift".count)
        return try String(contentsOfFile: "\(folder)../../docs/emulator.md", encoding: .utf8)
    }

    @Test func `every fault is in the manual`() throws {
        let manual = try Self.manual()

        for fault in FaultCatalog.shared + FaultCatalog.players.flatMap({ $0.faults }) {
            let name = fault.name.split(separator: ":").last.map { String($0) } ?? fault.name
            #expect(manual.contains("`\(name)`"), "\(fault.name)")
            #expect(!fault.summary.isEmpty)
        }
    }

    @Test func `every setting is in the manual, with its default`() throws {
        let manual = try Self.manual()
        let members = try #require(EmulatorSettings().json.members)

        func names(_ row: Substring) -> [String] {
            (row.split(separator: "|").first ?? "").split { !$0.isLetter && $0 != "_" }.map { String($0) }
        }
        for member in members {
            let row = try #require(
                manual.split(separator: "\n").first { $0.hasPrefix("|") && names($0).contains(member.name) }
            )
            let value = member.value.string ?? String(buffer: member.value.encoded())
            #expect(row.contains("`\(value == "0.0" ? "0" : value)`"), "\(member.name) \(value)")
        }
    }

    @Test func `no vendor has a fault's name twice, and aliases lead somewhere`() {
        for player in FaultCatalog.players {
            let names = (FaultCatalog.shared + player.faults).map(\.name)

            #expect(Set(names).count == names.count)
            #expect(player.aliases.values.allSatisfy { names.contains($0) })
            #expect(player.aliases.keys.allSatisfy { !names.contains($0) })
        }
    }
}

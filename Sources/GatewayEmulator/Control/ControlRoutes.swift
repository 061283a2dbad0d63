// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The emulator's own paths, under `/_emulator`.
struct ControlRoutes: Sendable {
    /// The largest settings that are read.
    private static let longestSettings = 1 << 20

    let stage: Stage
    /// The settings the emulator was started with.
    let initial: EmulatorSettings

    func add(to router: Router<EmulatorContext>) {
        router.get("/_emulator/settings") { _, _ in Self.answer(stage.settings.json) }
        router.put("/_emulator/settings") { request, _ in await change(request) }
        router.delete("/_emulator/settings") { _, _ in
            stage.settings = initial
            return Self.answer(stage.settings.json)
        }
        router.get("/_emulator/ledger") { _, _ in Self.answer(stage.ledger.report.json) }
        router.delete("/_emulator/ledger") { _, _ in
            stage.ledger.reset()
            return Self.answer(stage.ledger.report.json)
        }
        router.get("/_emulator/faults") { _, _ in Self.answer(Self.faults) }
    }

    private func change(_ request: Request) async -> Response {
        do {
            let text = try await request.body.collect(upTo: Self.longestSettings)
            let changed = try stage.settings.changed(by: try JSON(reading: text))
            stage.settings = changed
            return Self.answer(changed.json)
        } catch let error as EmulatorSettingsError {
            return Self.refusal(error.message)
        } catch let error as JSONError {
            return Self.refusal("The settings are not JSON: \(error.message)")
        } catch {
            return Self.refusal("The settings could not be read, or are longer than \(Self.longestSettings) bytes.")
        }
    }

    private static var faults: JSON {
        var members = [JSON.Member("every vendor", list(FaultCatalog.shared))]
        members += FaultCatalog.players.map { .init($0.names.joined(separator: ", "), list($0.faults)) }
        members.append(
            .init(
                "aliases",
                .object(FaultCatalog.players.map { .init($0.names.joined(separator: ", "), table($0.aliases)) })
            )
        )
        return .object(members)
    }

    private static func list(_ faults: [Fault]) -> JSON {
        .object(faults.map { JSON.Member($0.name, JSON($0.summary)) })
    }

    private static func table(_ aliases: [String: String]) -> JSON {
        .object(aliases.sorted { $0.key < $1.key }.map { JSON.Member($0.key, JSON($0.value)) })
    }

    private static func refusal(_ message: String) -> Response {
        answer(["error": ["message": JSON(message)]], status: .badRequest)
    }

    private static func answer(_ json: JSON, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json; charset=UTF-8"],
            body: ResponseBody(byteBuffer: json.encoded())
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Hummingbird
import NIOCore

/// The account's books, under the emulator's own paths: what was deducted, what came back, what is left.
struct AiToEarnBooks: Sendable {
    let stage: Stage
    let desk: AiToEarnDesk

    func addRoutes(to router: Router<EmulatorContext>) {
        router.get("/_emulator/aitoearn") { _, _ in books }
        router.put("/_emulator/aitoearn") { request, _ in await change(request) }
        router.delete("/_emulator/aitoearn") { _, _ in
            desk.reset()
            return books
        }
    }

    private var books: Response {
        let account = desk.account(at: stage.time.now)
        return EmulatedAnswer.json([
            "balance": account.balance.map { JSON($0) } ?? .null, "validation_code": JSON(desk.validationCode),
            "tasks": JSON(account.tasks), "credits_deducted": JSON(account.deducted),
            "credits_refunded": JSON(account.refunded),
        ]).response
    }

    private func change(_ request: Request) async -> Response {
        guard let body = try? await request.body.collect(upTo: 1 << 16), let json = try? JSON(reading: body),
            let members = json.members
        else { return Self.refusal("The books must be a JSON object.") }
        var balance = desk.account(at: stage.time.now).balance
        var code = desk.validationCode
        for member in members {
            switch (member.name, member.value) {
            case ("balance", .null): balance = nil
            case ("balance", .number) where (0...1_000_000_000).contains(member.value.integer ?? -1):
                balance = member.value.integer
            case ("validation_code", .number) where [400, 10002].contains(member.value.integer):
                code = member.value.integer ?? code
            default: return Self.refusal("\(member.name): balance is a number or null, validation_code 400 or 10002.")
            }
        }
        desk.change(balance: balance, validationCode: code)
        return books
    }

    private static func refusal(_ message: String) -> Response {
        EmulatedAnswer.json(["error": ["message": JSON(message)]], status: .badRequest).response
    }
}

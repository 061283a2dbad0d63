// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import ImageGateway
import Logging
import NIOCore

/// What is found when everything has come to rest: the numbers of the bar, and what they are judged by.
struct CrashCensus: Sendable {
    var tasks = 0
    /// Accepted, and not there any more.
    var lost = 0
    var unfinished = 0
    /// Calls that were billed beyond the promise.
    var overbought = 0
    /// Completed, and a picture is not there, not whole, or somebody else's.
    var pictureless = 0
    /// Failed, although nothing happened to them that excuses it.
    var wronged = 0
    /// Second tasks for one order.
    var doubled = 0
    /// Edits whose vendor got other pictures than the caller sent.
    var mixedUp = 0
    /// Ends that the receiver of webhooks was not told.
    var untold = 0
    /// Tasks whose messages differ: in their names, in what they tell, or from the row.
    var contradicted = 0

    // What may be, and how often it was.
    var repeated = 0
    var outcomeUnknown = 0
    var unknownAttempts = 0
    /// Answers that were on their way to a waiting caller when the process died.
    var droppedAnswers = 0
    /// Calls that were cut off although a task had been begun for them.
    var cutOff = 0
    /// Messages that were accepted before.
    var toldAgain = 0
    /// The first few things that are wrong.
    var details: [String] = []

    /// Whether nothing is as it must not be; of a graceful end more is expected than of a death.
    func isClean(isGraceful: Bool) -> Bool {
        let never = [
            lost, unfinished, overbought, pictureless, wronged, doubled, mixedUp, untold, contradicted,
        ]
        let notOnStops = [unknownAttempts, repeated, outcomeUnknown, droppedAnswers, cutOff]
        return (never + (isGraceful ? notOnStops : [])).allSatisfy { $0 == 0 }
    }

    var summary: String {
        "\(tasks) tasks: lost \(lost), without final state \(unfinished), purchases beyond the promise \(overbought), "
            + "completed without picture \(pictureless), failed without reason \(wronged), "
            + "made twice \(doubled), edits of other pictures \(mixedUp), untold \(untold), "
            + "told in two ways \(contradicted); bought once more \(repeated), outcome unknown \(outcomeUnknown), "
            + "unknown attempts \(unknownAttempts), answers lost on their way \(droppedAnswers), cut off \(cutOff), "
            + "told once more \(toldAgain)"
    }

    static func += (sum: inout CrashCensus, more: CrashCensus) {
        for path in [
            \CrashCensus.tasks, \.lost, \.unfinished, \.overbought, \.pictureless, \.wronged, \.doubled, \.mixedUp,
            \.untold, \.contradicted, \.repeated, \.outcomeUnknown, \.unknownAttempts, \.droppedAnswers, \.cutOff,
            \.toldAgain,
        ] { sum[keyPath: path] += more[keyPath: path] }
        sum.details += more.details.prefix(20)
    }

    /// Waits until the round's tasks have come to their ends, and looks at everything.
    static func taken(
        _ round: Int,
        _ heard: CrashCallers.Heard,
        _ fixture: GatewayFixture,
        _ receiver: CrashReceiver
    ) async throws -> CrashCensus {
        var census = CrashCensus()
        let ids = Set(try await names(of: round, fixture)).union(heard.accepted.keys)
        census.tasks = ids.count
        let ends = try await fixture.finished(Array(ids), within: .seconds(240))
        census.unfinished = ids.count - ends.count
        census.lost = ends.values.count { $0["status"]?.string == "lost" }
        census.look(at: ends, heard)
        try await census.count(try await settledLedger(fixture), ends, heard)
        try await census.fetch(ends, heard, fixture)
        await census.listen(ends, receiver)
        return census
    }

    /// Every task of the round that the gateway knows, whether or not its caller was told.
    private static func names(of round: Int, _ fixture: GatewayFixture) async throws -> [String] {
        var names: [String] = []
        var cursor = ""
        while true {
            let page = try await fixture.call(.get, "/v1/images/tasks?limit=100\(cursor)")
            guard page.status == 200 else { throw ProgramFailure(message: "The list of tasks is \(page.json)") }
            let own = (page.json["data"]?.array ?? []).filter {
                $0["prompt"]?.string?.hasPrefix(CrashOrder.prefix(of: round)) == true
            }
            names += own.compactMap { $0["id"]?.string }
            guard page.json["has_more"] == .bool(true), !own.isEmpty, let last = page.json["last_id"]?.string else {
                return names
            }
            cursor = "&after=\(last)"
        }
    }

    /// The ledger, once no vendor works on anything that a dead gateway had sent.
    private static func settledLedger(_ fixture: GatewayFixture) async throws -> JSON {
        // AiToEarn counts work as running until somebody asks for it: nobody will ask for what was lost.
        let end = ContinuousClock.now + CrashRun.longestCall
        while ContinuousClock.now < end {
            let ledger = try await fixture.ledger()
            if ledger["running"]?.integer == 0 { return ledger }
            try await Task.sleep(for: .milliseconds(200))
        }
        return try await fixture.ledger()
    }

    private static func text(_ json: JSON) -> String { String(buffer: json.encoded()) }

    // MARK: Ends

    private mutating func look(at ends: [String: JSON], _ heard: CrashCallers.Heard) {
        for (id, task) in ends {
            let outcomes = (task["attempts"]?.array ?? []).compactMap { $0["outcome"]?.string }
            unknownAttempts += outcomes.count { $0 == "unknown" }
            if task["status"]?.string == "failed" {
                if task["error"]?["code"]?.string == "outcome_unknown", outcomes.contains("unknown") {
                    outcomeUnknown += 1
                } else {
                    wronged += 1
                    details.append("\(id) failed: \(Self.text(task))")
                }
            }
            if let order = heard.sent[task["prompt"]?.string ?? ""], heard.cut.contains(order) { cutOff += 1 }
        }
        let prompts = ends.values.compactMap { $0["prompt"]?.string }
        doubled += prompts.count - Set(prompts).count
        details += heard.complaints
        wronged += heard.complaints.count
    }

    // MARK: Webhooks

    /// Looks at what the receiver was told, once it was told of everything or a minute is over.
    private mutating func listen(_ ends: [String: JSON], _ receiver: CrashReceiver) async {
        let deadline = ContinuousClock.now + .seconds(60)
        let final = ends.filter { $0.value["status"]?.string != "lost" }
        while final.keys.contains(where: { (receiver[$0]?.accepted ?? 0) == 0 }), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(50))
        }
        for (id, task) in final {
            guard let told = receiver[id], told.accepted > 0 else {
                untold += 1
                details.append("\(id) was never told: \(Self.text(task))")
                continue
            }
            toldAgain += told.accepted - 1
            // A task has one end: everything that is told of it tells that, under one name, and as the row has it.
            let status = task["status"]?.string ?? "?"
            let type = status == "completed" ? "image.task.completed" : "image.task.failed"
            if told.ids.count != 1 || told.types != [type] || told.stamps.count != 1 || told.states != [status] {
                contradicted += 1
                details.append("\(id) is \(status), and was told so: \(told)")
            }
        }
    }

    // MARK: Purchases

    private mutating func count(_ ledger: JSON, _ ends: [String: JSON], _ heard: CrashCallers.Heard) async throws {
        for entry in ledger["entries"]?.array ?? [] {
            guard let prompt = entry["prompt"]?.string, let order = heard.sent[prompt] else { continue }
            let bought = entry["calls_billed"]?.integer ?? 0
            repeated += max(0, min(bought - order.calls, order.repeats))
            if bought > order.calls + order.repeats {
                overbought += bought - order.calls - order.repeats
                let task = ends.values.first { $0["prompt"]?.string == prompt } ?? .null
                details.append("\(prompt) was bought \(bought) times: \(Self.text(task))")
            }
            let inputs = (entry["inputs"]?.array ?? []).compactMap(\.string)
            let expected = order.isEdit ? [SamplePicture.checksum(SamplePicture.png(shade: order.shade))] : []
            if inputs != expected {
                mixedUp += 1
                details.append("\(prompt) was drawn from \(inputs), not \(expected)")
            }
        }
    }

    // MARK: Pictures

    private mutating func fetch(
        _ ends: [String: JSON],
        _ heard: CrashCallers.Heard,
        _ fixture: GatewayFixture
    ) async throws {
        let completed = ends.values.filter { $0["status"]?.string == "completed" }
        let looks = try await withThrowingTaskGroup(of: [Look].self) { group in
            var rest = completed[...]
            var looks: [Look] = []
            for _ in 0..<16 {
                if let task = rest.popFirst() { group.addTask { try await Self.look(at: task, heard, fixture) } }
            }
            while let found = try await group.next() {
                looks += found
                if let task = rest.popFirst() { group.addTask { try await Self.look(at: task, heard, fixture) } }
            }
            return looks
        }
        var holders: [Int: String] = [:]
        for look in looks {
            switch look {
            case .picture(let hash, let prompt):
                // A prompt stands on its picture: two prompts cannot have the same.
                if let other = holders.updateValue(prompt, forKey: hash), other != prompt {
                    pictureless += 1
                    details.append("\(prompt) has the picture of \(other)")
                }
            case .dropped: droppedAnswers += 1
            case .wrong(let what):
                pictureless += 1
                details.append(what)
            }
        }
    }

    private enum Look: Sendable {
        case picture(hash: Int, prompt: String)
        case dropped
        case wrong(String)
    }

    private static func look(
        at task: JSON,
        _ heard: CrashCallers.Heard,
        _ fixture: GatewayFixture
    ) async throws -> [Look] {
        let (id, prompt) = (task["id"]?.string ?? "?", task["prompt"]?.string ?? "?")
        guard let order = heard.sent[prompt] else { return [.wrong("\(id) was never asked for: \(prompt)")] }
        let links = (task["data"]?.array ?? []).compactMap { $0["url"]?.string }
        if links.isEmpty, order.waits {
            // The caller took it along, or the process died while the answer was on its way.
            return heard.served.contains(order) ? [] : [.dropped]
        }
        // Of two pictures one may be lost with the process that had both in hand; the task says so then.
        let isTold = links.count < order.count && !links.isEmpty && task["warnings"]?.array?.isEmpty == false
        var looks: [Look] = []
        if links.count != order.count, !isTold {
            looks.append(.wrong("\(id) has \(links.count) pictures: \(Self.text(task))"))
        }
        for link in links {
            let limits = TransportLimits(responseBytes: 64 << 20)
            let answer = try await fixture.transport.send(TransportRequest(.get, link, limits: limits))
            guard answer.status == 200, let header = PictureHeader(answer.body.readableBytesView),
                TaskInspection.isWhole(answer.body, header.format)
            else {
                looks.append(.wrong("\(id): \(answer.status), \(answer.body.readableBytes) bytes"))
                continue
            }
            looks.append(.picture(hash: answer.body.hashValue, prompt: prompt))
        }
        return looks
    }
}

/// What lies in the folder of pictures, set against the rows: looked at when no gateway runs.
struct CrashInventory {
    /// Pictures that no row names and that are not on the list of deletions either.
    private(set) var strays: [String] = []
    /// Pictures on the list whose task never came to name them: gone within the hour.
    private(set) var leftovers = 0
    private(set) var pictures = 0

    init(_ fixture: GatewayFixture) async throws {
        var configuration = GatewayConfiguration(environment: ["GEMINI_API_KEY": "nobody-is-asked"])
        configuration.database.path = fixture.folder.appendingPathComponent("data/gateway.sqlite").path
        configuration.storage = .local(path: fixture.folder.appendingPathComponent("data/images").path)
        let gateway = try await Gateway(configuration, logger: Logger(label: "crash") { _ in SwiftLogNoOpLogHandler() })
        var named: Set<String> = []
        var query = TaskQuery(owner: "alice", limit: 500, ascending: true)
        while true {
            let page = try await gateway.store.list(query)
            for task in page.tasks { named.formUnion((task.pictureKeys + task.inputKeys).map(\.description)) }
            guard page.hasMore, let last = page.tasks.last else { break }
            query.after = last.id
        }
        let late = SystemTime().now.advanced(by: .seconds(90_000_000))
        let listed = try await gateway.store.dueDeletions(limit: 1_000_000, now: late, lease: .seconds(1))
        await gateway.close()

        let doomed = Set(listed.map(\.key.description))
        for key in Self.keys(fixture.folder.appendingPathComponent("data/images").path) {
            pictures += 1
            if !named.contains(key) { doomed.contains(key) ? leftovers += 1 : strays.append(key) }
        }
    }

    /// The keys of the files: their paths without the level that keeps folders short.
    private static func keys(_ folder: String) -> [String] {
        let paths = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return paths.compactMap { path in
            guard path.contains("."), path != "link.key" else { return nil }
            let parts = path.split(separator: "/").filter { !$0.hasPrefix("+") }
            guard parts.first == "objects" else { return path }
            let key = parts.dropFirst().joined(separator: "/")
            return key == "check/ready.txt" ? nil : key
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayTesting
import Testing

/// The diagram and the tables of `docs/task-states.md` beside what the function does.
@Suite struct TaskDiagramTests {
    /// An arrow: from where, by what, to where.
    struct Arrow: Hashable, CustomStringConvertible {
        var from: String
        var event: String
        var to: String

        var description: String { "\(from) --> \(to): \(event)" }
    }

    private static func document() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent("docs/task-states.md"), encoding: .utf8)
    }

    /// The arrows of the diagram between stages of a portion.
    private static func drawn() throws -> Set<Arrow> {
        let lines = try document().split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let start = try #require(lines.firstIndex { $0.hasPrefix("state \"Portion:") })
        var arrows: Set<Arrow> = []
        for line in lines[start...].dropFirst().prefix(while: { $0 != "}" }) where !line.hasPrefix("[*]") {
            let halves = line.split(separator: ":", maxSplits: 1)
            let places = halves[0].components(separatedBy: " --> ").map { $0.trimmingCharacters(in: .whitespaces) }
            for event in halves[1].split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                arrows.insert(Arrow(from: places[0], event: event, to: places[1]))
            }
        }
        return arrows
    }

    /// The same from the tables: one row may speak of several stages and events.
    private static func told() throws -> Set<Arrow> {
        let lines = try document().split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex(of: "## A portion"))
        var arrows: Set<Arrow> = []
        for line in lines[start...].dropFirst(3).prefix(while: { $0.hasPrefix("|") }) {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            for from in cells[0].components(separatedBy: ", ") where from != "–" {
                for event in cells[1].components(separatedBy: ", ") {
                    arrows.insert(Arrow(from: from, event: event, to: cells[2].replacing(" ", with: "_")))
                }
            }
        }
        return arrows
    }

    /// What the function does to a task of one portion, in the words of the document; an event that leaves the portion as it
    /// was is no arrow.
    private static func done() throws -> Set<Arrow> {
        let samples = SampleTasks()
        var arrows: Set<Arrow> = []
        for place in TaskEventTests.Place.allCases where place != .pending {
            let task = try samples.task(try samples.pending(), after: place.events)
            for event in TaskEventTests.Event.allCases {
                guard let changed = try? task.applying(event.event, at: samples.time.now),
                    changed.portions != task.portions
                else { continue }
                let to = try TaskEventTests.Place(of: changed)
                arrows.insert(
                    Arrow(from: place.rawValue, event: event.words, to: to == .failed ? "given_up" : to.rawValue)
                )
            }
        }
        return arrows
    }

    @Test func `the diagram draws every arrow that there is, and no other`() throws {
        let (drawn, done) = try (Self.drawn(), Self.done())

        #expect(drawn.subtracting(done) == [])
        #expect(done.subtracting(drawn) == [])
    }

    @Test func `every arrow has its row`() throws {
        let (told, done) = try (Self.told(), Self.done())

        #expect(told.subtracting(done) == [])
        #expect(done.subtracting(told) == [])
    }
}

extension TaskEventTests.Event {
    /// As the document calls it.
    fileprivate var words: String {
        switch self {
        case .attemptFailed: "attempt failed"
        case .portionFailed: "portion failed"
        case .gaveUp: "gave up"
        case .claimed, .adopted, .released, .submitting, .accepted, .generated, .stored, .delivered: rawValue
        }
    }
}

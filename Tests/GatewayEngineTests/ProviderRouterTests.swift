// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
@testable import GatewayEngine
import GatewayTesting
import Testing

@Suite struct ProviderRouterTests {
    private static func table(_ name: String, _ models: [String: String] = [:]) -> ProviderRouter.Table {
        ProviderRouter.Table(name: name, descriptor: FakeVendor.descriptor, models: models)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var model: String
        var providers: [String]
        var testDescription: String { "\(model) by \(providers)" }

        init(_ model: String, _ providers: [String]) {
            self.model = model
            self.providers = providers
        }
    }

    private static let table1 = ["fox": "one", "fox-mini": "two", "fox-mini-2": "four", "owl": "one"]

    @Test(arguments: [
        Case("fox", ["exact"]),
        Case("fox-mini", ["long", "short"]),
        Case("fox-mini-2", ["long", "short"]),
        Case("owl", ["rest"]),
        Case("one", ["rest"]),
        Case("nobody's", []),
        Case("", []),
    ])
    func `an exact route beats a prefix and the longest prefix wins`(of wanted: Case) {
        let router = ProviderRouter(
            tables: ["short", "long", "exact", "rest"].map { Self.table($0, Self.table1) },
            routes: [
                .init(match: "", providers: ["rest"]),
                .init(match: "fox", providers: ["exact"]),
                .init(match: "fox-", providers: ["short"]),
                .init(match: "fox-mini", providers: ["long", "short"]),
            ],
            aliases: [:]
        )

        #expect(router.candidates(for: wanted.model).map(\.provider) == wanted.providers)
    }

    @Test func `candidates come in the order of the route, and only those that have the model`() {
        let router = ProviderRouter(
            tables: [Self.table("a"), Self.table("b", ["fox": "four"]), Self.table("c", ["fox": "two"])],
            routes: [.init(match: "fox", providers: ["c", "ghost", "a", "b"])],
            aliases: [:]
        )

        let candidates = router.candidates(for: "fox")

        #expect(candidates.map(\.provider) == ["c", "b"])
        #expect(candidates.map(\.vendorModel) == ["two", "four"])
        #expect(candidates.map(\.capabilities.maxCount) == [2, 4])
    }

    @Test func `without routes every provider serves what it has, in the order of the configuration`() {
        let router = ProviderRouter(tables: [Self.table("b"), Self.table("a")], routes: [], aliases: [:])

        #expect(router.candidates(for: "one").map(\.provider) == ["b", "a"])
        #expect(router.candidates(for: "solo").map(\.vendorModel) == ["one", "one"])
    }

    @Test func `an alias is looked at only when no route serves the name`() {
        let router = ProviderRouter(
            tables: [Self.table("a")],
            routes: [],
            aliases: ["one": "four", "fox": "two", "lost": "nobody's", "chain": "fox"]
        )

        #expect(router.candidates(for: "one").map(\.vendorModel) == ["one"])
        #expect(router.candidates(for: "fox").map(\.vendorModel) == ["two"])
        #expect(router.candidates(for: "lost").isEmpty)
        #expect(router.candidates(for: "chain").isEmpty)
    }

    @Test func `the operator's entry wins over the table`() {
        let router = ProviderRouter(tables: [Self.table("a", ["one": "four"])], routes: [], aliases: [:])

        #expect(router.candidates(for: "one").map(\.vendorModel) == ["four"])
    }

    @Test func `a vendor's model that no table has is served as unknown`() {
        let router = ProviderRouter(tables: [Self.table("a", ["new": "brand-new"])], routes: [], aliases: [:])

        #expect(router.candidates(for: "new").map(\.vendorModel) == ["brand-new"])
        #expect(router.candidates(for: "new").map(\.capabilities.maxCount) == [1])
    }

    @Test func `the directory lists exactly what can be served, in the order of the configuration`() {
        let router = ProviderRouter(
            tables: [Self.table("a", ["zebra": "two"]), Self.table("b", ["owl": "one"])],
            routes: [.init(match: "", providers: ["a"]), .init(match: "o", providers: ["b", "a"])],
            aliases: ["ape": "one", "bee": "nobody's", "two": "one"]
        )

        #expect(router.directory.models.map(\.id) == ["one", "solo", "two", "four", "zebra", "owl", "ape"])
        #expect(router.directory["one"]?.capabilities.count == 2)
        #expect(router.directory["two"]?.capabilities.map(\.maxCount) == [2])
        #expect(router.directory["zebra"]?.family == "fake")
        #expect(router.directory["bee"] == nil)
        for model in router.directory.models { #expect(!router.candidates(for: model.id).isEmpty) }
    }

    // MARK: Weights

    private static func weighted(_ weights: [String: Int]) -> ProviderRouter {
        ProviderRouter(
            tables: ["a", "b", "c"].map { table($0) },
            routes: [.init(match: "", providers: ["a", "b", "c"], strategy: .weighted(weights))],
            aliases: ["fox": "one"]
        )
    }

    @Test(arguments: [["a": 3, "b": 1], ["a": 1, "b": 1, "c": 1], ["a": 0, "b": 97, "c": 3]])
    func `each provider is first for its share of the tasks`(weights: [String: Int]) {
        let router = Self.weighted(weights)
        let ids = TaskIDSource(time: ManualTime())
        var firsts: [String: Int] = [:]

        for _ in 1...10_000 {
            let candidates = router.candidates(for: "fox", task: ids.next())
            #expect(Set(candidates.map(\.provider)) == ["a", "b", "c"])
            firsts[candidates[0].provider, default: 0] += 1
        }

        let total = weights.values.reduce(0, +)
        for name in ["a", "b", "c"] {
            let share = Double(firsts[name] ?? 0) / 10_000
            let wanted = Double(weights[name] ?? 0) / Double(total)
            #expect(abs(share - wanted) < 0.02, "\(name): \(share)")
            #expect(wanted > 0 || firsts[name] == nil)
        }
    }

    @Test func `the order is the task's: the same in every process, the rest by falling weight`() throws {
        let router = Self.weighted(["a": 1, "b": 5, "c": 2])
        let wanted = [
            "image_01KCRVET35FAVZME1CEEED9VBY": ["a", "b", "c"],
            "image_01KCRVET35FAVZME1CEEED9VBS": ["b", "c", "a"],
            "image_01KCRVET35FAVZME1CEEED9VBT": ["b", "c", "a"],
            "image_01KCRVET35FAVZME1CEEED9VBV": ["c", "b", "a"],
        ]

        for (text, providers) in wanted {
            let id = try #require(TaskID(text))
            #expect(router.candidates(for: "one", task: id).map(\.provider) == providers, "\(text)")
        }
        #expect(router.candidates(for: "one").map(\.provider) == ["a", "b", "c"])
    }

    @Test func `a provider without a weight is asked after the others`() {
        let ids = TaskIDSource()
        for _ in 1...100 {
            let order = Self.weighted(["b": 1]).candidates(for: "one", task: ids.next()).map(\.provider)
            #expect(order == ["b", "a", "c"])
        }
    }

    // MARK: What vendors publish

    @Test func `what a vendor publishes takes the place of its table, in the directory too`() {
        let book = CapabilityBook()
        let published = ProviderRouter.Table(
            name: "a",
            descriptor: FakeVendor.descriptor,
            models: [:],
            published: book
        )
        let router = ProviderRouter(tables: [published, Self.table("b")], routes: [], aliases: [:])
        let directory = router.directory
        #expect(directory["one"]?.capabilities.map(\.maxCount) == [1, 1])

        book.keep(["one": FakeVendor.capabilities(8)], by: "a")
        book.keep([:], by: "a")

        #expect(directory["one"]?.capabilities.map(\.maxCount) == [8, 1])
        #expect(directory.models.first?.capabilities.map(\.maxCount) == [8, 1])
        #expect(router.candidates(for: "one").map(\.capabilities.maxCount) == [8, 1])
        #expect(router.capabilities(of: "one", by: "a")?.maxCount == 8)
        #expect(router.capabilities(of: "one", by: "ghost") == nil)
        #expect(router.candidates(for: "two").map(\.capabilities.maxCount) == [2, 2])
    }

    @Test(arguments: [
        ("one", 3, [1, 1, 1]), ("two", 1, [1]), ("two", 4, [2, 2]), ("two", 5, [2, 2, 1]), ("four", 10, [4, 4, 2]),
        ("mixed", 4, [2, 2]), ("nobody's", 2, [1, 1]),
    ])
    func `no portion asks for more than the weakest candidate can give`(
        model: String,
        count: Int,
        portions: [Int]
    ) throws {
        let router = ProviderRouter(
            tables: [Self.table("a", ["mixed": "four"]), Self.table("b", ["mixed": "two"])],
            routes: [],
            aliases: [:]
        )

        #expect(router.portions(of: try SampleTasks.request(model: model, count: count)) == portions)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite struct ModelFitTests {
    /// A model with five shapes and two classes.
    static let painter = ModelCapabilities(
        aspectRatios: ["1:1", "3:4", "4:3", "9:16", "16:9"].compactMap { AspectRatio($0) },
        tiers: [.oneK, .twoK],
        pixels: PixelTable(
            [.oneK, .twoK],
            [
                "1:1": "1024x1024 2048x2048", "3:4": "896x1200 1792x2400", "4:3": "1200x896 2400x1792",
                "9:16": "768x1376 1536x2752", "16:9": "1376x768 2752x1536",
            ]
        ),
        formats: [.png, .jpeg],
        nativeFormat: .png,
        hasSeed: true,
        qualities: [.low, .medium, .high],
        hasCompression: true,
        promptLimit: 5000
    )

    /// A model that can be told nothing.
    static let stubborn = ModelCapabilities(
        aspectRatios: [],
        tiers: [],
        pixels: PixelTable([], [:]),
        nativeFormat: .png
    )

    static func fit(
        _ model: ModelCapabilities = painter,
        _ mode: ParameterMode = .nearest,
        count: Int = 1,
        _ change: (inout ImageRequest.Draft) -> Void
    ) throws(InvalidRequest) -> ModelFit {
        var draft = ImageRequest.Draft()
        draft.model = "painter"
        draft.prompt = "a fox"
        change(&draft)
        let request = try ImageRequest(draft)
        return try ModelFit(request, vendorModel: "painter-v1", capabilities: model, count: count, mode: mode)
    }

    @Test func `a request without wishes asks for nothing`() throws {
        let fit = try Self.fit(Self.painter, .strict, count: 3) { _ in }

        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox", count: 3))
        #expect(fit.warnings.isEmpty)
    }

    /// A wish that the model has: size, ratio, and what is asked of the vendor.
    static let exact: [(size: String?, ratio: String?, shape: String?, tier: SizeTier?)] = [
        ("1024x1024", nil, "1:1", .oneK), ("2752x1536", nil, "16:9", .twoK), ("768x1376", nil, "9:16", .oneK),
        ("2K", nil, nil, .twoK), ("16:9", nil, "16:9", nil), (nil, "4:3", "4:3", nil), ("2K", "3:4", "3:4", .twoK),
        ("32:18", nil, "16:9", nil), (nil, "8:8", "1:1", nil), ("1024x1024", "16:9", "16:9", .oneK),
        ("1376x768", "16:9", "16:9", .oneK), ("2048x2048", "1:1", "1:1", .twoK),
        ("auto", "auto", nil, nil),
    ]

    @Test(arguments: exact, ParameterMode.allCases)
    func `what the model has is asked for in both modes, without a warning`(
        wish: (size: String?, ratio: String?, shape: String?, tier: SizeTier?),
        mode: ParameterMode
    ) throws {
        let fit = try Self.fit(Self.painter, mode) { ($0.size, $0.aspectRatio) = (wish.size, wish.ratio) }

        #expect(fit.call.aspectRatio?.description == wish.shape)
        #expect(fit.call.tier == wish.tier)
        #expect(fit.warnings.isEmpty)
    }

    /// A wish that the model has not, what is asked for instead, and a word of the warning.
    static let nearest: [(size: String?, ratio: String?, shape: String?, tier: SizeTier?, warning: String)] = [
        ("1000x1000", nil, "1:1", .oneK, "1024x1024"), ("1920x1080", nil, "16:9", .oneK, "1376x768"),
        ("3840x2160", nil, "16:9", .twoK, "2752x1536"), ("640x480", nil, "4:3", .oneK, "1200x896"),
        // Half-way by logarithm between 1:1 and 4:3 lies 1.155.
        ("1150x1000", nil, "1:1", .oneK, "1024x1024"), ("1160x1000", nil, "4:3", .oneK, "1200x896"),
        ("1000x1160", nil, "3:4", .oneK, "896x1200"), ("1x60000", nil, "9:16", .oneK, "768x1376"),
        ("4K", nil, nil, .twoK, "2K"), ("512", nil, nil, .oneK, "1K"), ("21:9", nil, "16:9", nil, "16:9"),
        (nil, "1:4", "9:16", nil, "9:16"), ("2K", "3:2", "4:3", .twoK, "4:3"),
        // Pixels and ratio that agree are one wish; where they do not, the ratio wins, and the pixels say how large.
        ("1920x1080", "16:9", "16:9", .oneK, "1376x768"), ("4096x4096", "16:9", "16:9", .twoK, "2K"),
    ]

    @Test(arguments: nearest)
    func `what the model has not becomes the nearest it has, with a warning`(
        wish: (size: String?, ratio: String?, shape: String?, tier: SizeTier?, warning: String)
    ) throws {
        let fit = try Self.fit { ($0.size, $0.aspectRatio) = (wish.size, wish.ratio) }

        #expect(fit.call.aspectRatio?.description == wish.shape)
        #expect(fit.call.tier == wish.tier)
        #expect(fit.warnings.count == 1)
        #expect(fit.warnings.first?.contains(wish.warning) == true)
    }

    @Test(arguments: nearest)
    func `what the model has not is refused in strict mode`(
        wish: (size: String?, ratio: String?, shape: String?, tier: SizeTier?, warning: String)
    ) {
        let error = #expect(throws: InvalidRequest.self) {
            try Self.fit(Self.painter, .strict) { ($0.size, $0.aspectRatio) = (wish.size, wish.ratio) }
        }

        #expect(error?.code == .unsupportedParameter)
        #expect(error?.parameter == (Self.isAboutShape(wish) ? "aspect_ratio" : "size"))
    }

    /// Whether it is the ratio that the model has not.
    static func isAboutShape(
        _ wish: (size: String?, ratio: String?, shape: String?, tier: SizeTier?, warning: String)
    ) -> Bool { wish.ratio != nil && wish.ratio != wish.shape }

    /// Every other wish, by the member that an error names.
    static let wishes: [(parameter: String, wish: ImageRequestTests.Case)] = [
        ("size", .init("pixels") { $0.size = "1024x1024" }), ("size", .init("class") { $0.size = "2K" }),
        ("size", .init("shape as size") { $0.size = "16:9" }),
        ("aspect_ratio", .init("shape") { $0.aspectRatio = "16:9" }),
        ("output_format", .init("format") { $0.outputFormat = "webp" }), ("seed", .init("seed") { $0.seed = 7 }),
        ("negative_prompt", .init("negative prompt") { $0.negativePrompt = "rain" }),
        ("background", .init("background") { $0.background = "transparent" }),
        ("quality", .init("quality") { $0.quality = "hd" }), ("style", .init("style") { $0.style = "vivid" }),
        ("moderation", .init("moderation") { $0.moderation = "low" }),
        ("output_compression", .init("compression of PNG") { $0.outputCompression = 80 }),
    ]

    @Test(arguments: wishes)
    func `a model that can be told nothing warns of each wish, or refuses it`(
        parameter: String,
        wish: ImageRequestTests.Case
    ) throws {
        let fit = try Self.fit(Self.stubborn, .nearest, wish.change)
        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox"))
        #expect(fit.warnings.count == 1)

        let error = #expect(throws: InvalidRequest.self) { try Self.fit(Self.stubborn, .strict, wish.change) }
        #expect(error?.code == .unsupportedParameter)
        #expect(error?.parameter == parameter)
    }

    @Test func `what a model does anyway is no loss`() throws {
        let fit = try Self.fit(Self.stubborn, .strict) { draft in
            (draft.size, draft.outputFormat, draft.outputCompression) = ("1K", "png", 100)
            (draft.background, draft.moderation, draft.user, draft.quality) = ("opaque", "auto", "alice", "auto")
        }

        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox"))
        #expect(fit.warnings.isEmpty)
    }

    /// Wishes for the shape of a model that can be told none, and draws squares.
    @Test(arguments: [("1024x1024", nil), ("1:1", nil), (nil, "2:2"), ("1024x1024", "1:1")] as [(String?, String?)])
    func `the only shape of a model is no loss`(size: String?, ratio: String?) throws {
        var square = Self.stubborn
        square.pixels = PixelTable([.oneK], ["1:1": "1024x1024"])

        let fit = try Self.fit(square, .strict) { ($0.size, $0.aspectRatio) = (size, ratio) }
        let wide = try Self.fit(square) { $0.size = "1920x1080" }

        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox"))
        #expect(wide.call == fit.call)
        #expect(wide.warnings == ["The model has no size 1920x1080; 1024x1024 was used."])
    }

    /// Where nothing is drawn, nothing "was used".
    @Test(arguments: [
        ("size", "The model has no size 1920x1080; the nearest it has is 1024x1024."),
        ("seed", "The model has no parameter 'seed'."),
        ("output_format", "The model does not deliver webp; it delivers png."),
    ])
    func `a refusal says what can be had instead`(parameter: String, sentence: String) throws {
        var square = Self.stubborn
        square.pixels = PixelTable([.oneK], ["1:1": "1024x1024"])

        let refusal = #expect(throws: InvalidRequest.self) {
            try Self.fit(square, .strict) { draft in
                switch parameter {
                case "size": draft.size = "1920x1080"
                case "seed": draft.seed = 7
                default: draft.outputFormat = "webp"
                }
            }
        }

        #expect(refusal?.parameter == parameter)
        #expect(refusal?.message == sentence)
    }

    @Test func `a size that a model draws but cannot be told is a loss`() throws {
        var moody = Self.stubborn
        moody.pixels = PixelTable([.oneK], ["1:1": "1024x1024", "16:9": "1376x768"])

        let fit = try Self.fit(moody) { $0.size = "1376x768" }

        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox"))
        #expect(fit.adjusted == ["size"])
    }

    @Test func `other wishes reach a model that knows them`() throws {
        let fit = try Self.fit(Self.painter, .strict) { draft in
            (draft.seed, draft.quality, draft.outputFormat, draft.outputCompression) = (7, "high", "jpeg", 80)
        }

        #expect(fit.call.seed == 7)
        #expect(fit.call.quality == .high)
        #expect(fit.call.format == .jpeg)
        #expect(fit.call.compression == 80)
    }

    /// Grades of a model, the wish, what is asked for, and whether that is a loss.
    static let grades: [(has: [ImageRequest.Quality], wish: String, asked: ImageRequest.Quality, isLoss: Bool)] = [
        ([.low, .medium, .high], "standard", .medium, false), ([.low, .medium, .high], "hd", .high, false),
        ([.low, .medium, .high], "max", .high, true), ([.low, .high], "medium", .low, true),
        ([.standard, .hd], "medium", .standard, false), ([.standard, .hd], "low", .standard, true),
        ([.medium], "xhigh", .medium, true), ([.max], "low", .max, true),
    ]

    @Test(arguments: grades)
    func `a grade becomes the nearest, and words that mean the same are no loss`(
        grade: (has: [ImageRequest.Quality], wish: String, asked: ImageRequest.Quality, isLoss: Bool)
    ) throws {
        var model = Self.painter
        model.qualities = grade.has

        let fit = try Self.fit(model) { $0.quality = grade.wish }

        #expect(fit.call.quality == grade.asked)
        #expect(fit.adjusted == (grade.isLoss ? ["quality"] : []))
        #expect(fit.warnings.count == (grade.isLoss ? 1 : 0))
    }

    @Test func `several losses are several warnings`() throws {
        let fit = try Self.fit { ($0.size, $0.outputFormat, $0.negativePrompt) = ("4K", "webp", "rain") }

        #expect(fit.warnings.count == 3)
        #expect(Set(fit.warnings).count == 3)
    }

    @Test func `a row that cannot be read is left out of a table`() {
        let table = PixelTable([.oneK], ["1:1": "1024x1024", "square": "1x1", "4:3": "large"])

        #expect(table[AspectRatio(1, 1), .oneK] == PixelSize(1024, 1024))
        #expect(table[AspectRatio(4, 3), .oneK] == nil)
        #expect(table.exact(PixelSize(1, 1), among: [.oneK]) == nil)
        #expect(table.shapes == [AspectRatio(1, 1)])
    }

    @Test func `pixels that stand in two rows are always those of the first that can be asked for`() {
        let rows: KeyValuePairs = ["3:2": "1x1 6x4", "1:1": "4x4 6x4", "6:4": "6x4 9x9", "2:3": "6x4 4x6"]
        for _ in 0..<50 {
            let table = PixelTable([.oneK, .twoK], rows)

            let first = table.exact(PixelSize(6, 4), among: [.oneK, .twoK])
            let small = table.exact(PixelSize(6, 4), among: [.oneK])
            let square = table.exact(PixelSize(6, 4), among: [.oneK, .twoK], shapes: [AspectRatio(1, 1)])

            #expect(first?.ratio == AspectRatio(3, 2) && first?.tier == .twoK)
            #expect(small?.ratio == AspectRatio(6, 4) && small?.tier == .oneK)
            #expect(square?.ratio == AspectRatio(1, 1) && square?.tier == .twoK)
        }
    }

    @Test func `a table of cells has its rows in an order of its own`() {
        let cells = ["16:9", "1:1", "3:2", "9:16", "6:4"].compactMap { AspectRatio($0) }
            .map { ($0, [SizeTier.oneK: PixelSize(6, 4)]) }
        for rotation in cells.indices {
            let order = cells[rotation...] + cells[..<rotation]
            let table = PixelTable(Dictionary(uniqueKeysWithValues: order))

            #expect(table.shapes.map(\.description) == ["9:16", "1:1", "3:2", "6:4", "16:9"])
            #expect(table.exact(PixelSize(6, 4), among: [.oneK])?.ratio == AspectRatio(9, 16))
        }
    }

    @Test func `a table can be added to, and a cell set twice has the last size`() {
        var table = PixelTable([.oneK], ["1:1": "8x8"])

        table[AspectRatio(16, 9), .oneK] = PixelSize(16, 9)
        table[AspectRatio(1, 1), .oneK] = PixelSize(9, 9)

        #expect(table.exact(PixelSize(16, 9), among: [.oneK])?.ratio == AspectRatio(16, 9))
        #expect(table[AspectRatio(1, 1), .oneK] == PixelSize(9, 9))
        #expect(table.exact(PixelSize(8, 8), among: [.oneK]) == nil)
        #expect(table.shapes == [AspectRatio(1, 1), AspectRatio(16, 9)])
    }
}

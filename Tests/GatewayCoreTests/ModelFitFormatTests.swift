// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// What becomes of format, compression and background, and of what no closest value can stand for.
@Suite struct ModelFitFormatTests {
    typealias Formats = (
        has: [PictureFormat], native: PictureFormat, wish: String, transcodes: Bool, told: PictureFormat?, loss: String?
    )

    /// What a model can be told and delivers untold, the wish, and what is asked for with which loss.
    static let formats: [Formats] = [
        ([.png, .jpeg], .png, "jpeg", false, .jpeg, nil), ([.png, .jpeg], .png, "jpg", true, .jpeg, nil),
        ([], .jpeg, "jpeg", false, nil, nil), ([], .jpeg, "png", false, nil, "comes as jpeg"),
        // Told nothing it delivers its own, not the first of its list.
        ([.png, .jpeg], .jpeg, "webp", false, nil, "comes as jpeg"), ([], .jpeg, "png", true, nil, nil),
        // What is encoded anew is asked for without loss where that is possible.
        ([.jpeg, .png], .jpeg, "webp", true, .png, nil), ([.jpeg], .jpeg, "webp", true, nil, nil),
    ]

    @Test(arguments: formats)
    func `a format is asked for, made by the gateway, or missed`(_ wish: Formats) throws {
        var model = ModelFitTests.painter
        (model.formats, model.nativeFormat) = (wish.has, wish.native)

        let fit = try Self.fit(model, transcodes: wish.transcodes) { $0.outputFormat = wish.wish }

        #expect(fit.call.format == wish.told)
        #expect(fit.adjusted == (wish.loss == nil ? [] : ["output_format"]))
        #expect(fit.warnings.count == (wish.loss == nil ? 0 : 1))
        #expect(wish.loss.map { fit.warnings.first?.contains($0) == true } ?? true)
        if wish.loss == nil {
            #expect(try Self.fit(model, .strict, transcodes: wish.transcodes) { $0.outputFormat = wish.wish } == fit)
        }
    }

    typealias Compression = (
        has: Bool, native: PictureFormat, wish: String?, percent: Int, transcodes: Bool, told: Int?, isLoss: Bool
    )

    /// Whether compression can be told, the native format, the wish, and what is asked for.
    static let compressions: [Compression] = [
        (true, .png, "jpeg", 80, false, 80, false), (false, .png, "jpeg", 80, false, nil, true),
        (true, .jpeg, nil, 80, false, 80, false), (false, .jpeg, nil, 80, false, nil, true),
        (true, .png, "png", 80, false, nil, true), (true, .png, nil, 80, true, nil, true),
        (true, .png, "png", 100, false, nil, false), (false, .png, nil, 100, false, nil, false),
        // The gateway itself writes WebP, and hears it.
        (false, .png, "webp", 80, true, nil, false), (true, .png, "webp", 80, false, nil, true),
    ]

    @Test(arguments: compressions)
    func `compression without an effect is said`(_ wish: Compression) throws {
        var model = ModelFitTests.painter
        (model.hasCompression, model.nativeFormat) = (wish.has, wish.native)

        let fit = try Self.fit(model, transcodes: wish.transcodes) { draft in
            (draft.outputFormat, draft.outputCompression) = (wish.wish, wish.percent)
        }

        #expect(fit.call.compression == wish.told)
        #expect(fit.adjusted.contains("output_compression") == wish.isLoss)
    }

    @Test(arguments: ParameterMode.allCases)
    func `a transparent background is asked for in a format that holds it`(mode: ParameterMode) throws {
        var model = ModelFitTests.painter
        (model.hasTransparency, model.nativeFormat, model.formats) = (true, .jpeg, [.jpeg, .webp])

        let fit = try Self.fit(model, mode) { $0.background = "transparent" }
        let opaque = try Self.fit(model, mode) { $0.background = "opaque" }

        #expect(fit.call.background == .transparent)
        #expect(fit.call.format == .webp)
        #expect(opaque.call.background == .opaque)
        #expect(opaque.call.format == nil)
        #expect(fit.warnings.isEmpty && opaque.warnings.isEmpty)
    }

    // MARK: Edits

    private static func picture(_ format: PictureFormat) -> InputImage {
        .upload(PictureHeader(format: format, size: PixelSize(64, 64)), bytes: 100)
    }

    private static var editor: ModelCapabilities {
        var editor = ModelFitTests.painter
        (editor.maxInputs, editor.inputFormats, editor.takesMask) = (2, [.png, .jpeg], true)
        return editor
    }

    @Test(arguments: ParameterMode.allCases)
    func `an edit without a size keeps the shape that the vendor gives it`(mode: ParameterMode) throws {
        let fit = try Self.fit(Self.editor, mode) { draft in
            (draft.kind, draft.inputs) = (.edit, [Self.picture(.png), .url("https://example.com/cat")])
            draft.mask = Self.picture(.png)
        }

        #expect(fit.call == ProviderCall(model: "painter-v1", prompt: "a fox"))
        #expect(fit.warnings.isEmpty)
    }

    /// What no model of these can do, the member at fault, and a word of the sentence.
    static let refusals: [(parameter: String, word: String, wish: ImageRequestTests.Case)] = [
        (
            "image", "at most 2 pictures, not 3",
            .init("three") { $0.inputs = Array(repeating: picture(.png), count: 3) }
        ),
        ("image", "in webp, only in png, jpeg", .init("webp") { $0.inputs = [picture(.png), picture(.webp)] }),
        ("mask", "in webp", .init("mask in webp") { ($0.inputs, $0.mask) = ([picture(.png)], picture(.webp)) }),
        ("prompt", "5000", .init("prompt") { $0.prompt = String(repeating: "ä", count: 5001) }),
    ]

    @Test(arguments: refusals, ParameterMode.allCases)
    func `what no closest value can stand for is refused in every mode`(
        refusal: (parameter: String, word: String, wish: ImageRequestTests.Case),
        mode: ParameterMode
    ) {
        let error = #expect(throws: InvalidRequest.self) {
            try Self.fit(Self.editor, mode, transcodes: true) { draft in
                (draft.kind, draft.inputs) = (.edit, [Self.picture(.png)])
                refusal.wish.change(&draft)
            }
        }

        #expect(error?.code == .unsupportedParameter)
        #expect(error?.parameter == refusal.parameter)
        #expect(error?.message.contains(refusal.word) == true)
    }

    @Test(arguments: ParameterMode.allCases)
    func `who cannot edit or takes no mask says so`(mode: ParameterMode) {
        var unmasked = Self.editor
        unmasked.takesMask = false
        for (model, parameter) in [(ModelFitTests.painter, "image"), (unmasked, "mask")] {
            let error = #expect(throws: InvalidRequest.self) {
                try Self.fit(model, mode) { draft in
                    (draft.kind, draft.inputs, draft.mask) = (.edit, [Self.picture(.png)], Self.picture(.png))
                }
            }
            #expect(error?.parameter == parameter)
        }
    }

    private static func fit(
        _ model: ModelCapabilities,
        _ mode: ParameterMode = .nearest,
        transcodes: Bool = false,
        _ change: (inout ImageRequest.Draft) -> Void
    ) throws(InvalidRequest) -> ModelFit {
        var draft = ImageRequest.Draft()
        (draft.model, draft.prompt) = ("painter", "a fox")
        change(&draft)
        return try ModelFit(
            try ImageRequest(draft),
            vendorModel: "painter-v1",
            capabilities: model,
            count: 1,
            mode: mode,
            transcodes: transcodes
        )
    }
}

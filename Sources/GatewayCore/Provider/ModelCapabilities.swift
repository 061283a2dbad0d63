// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What one model can do: drives validation, choice of candidates and mapping.
public struct ModelCapabilities: Sendable, Hashable {
    /// The shapes it draws; empty if it cannot be told one.
    public var aspectRatios: [AspectRatio]
    /// The resolution classes it can be told; empty if there is no such choice.
    public var tiers: [SizeTier]
    /// The class it draws when told none.
    public var defaultTier: SizeTier
    /// The pixels it promises; a picture's own header has the last word.
    public var pixels: PixelTable
    /// How many pictures one call may ask for.
    public var maxCount: Int
    /// The formats it can be told; empty if there is no choice.
    public var formats: [PictureFormat]
    /// The format it delivers when told none.
    public var nativeFormat: PictureFormat
    /// Whether it takes a seed.
    public var hasSeed: Bool
    /// Whether it takes a negative prompt.
    public var hasNegativePrompt: Bool
    /// Whether it can draw on a transparent background.
    public var hasTransparency: Bool
    /// The grades of care it distinguishes; empty if it cannot be told one.
    public var qualities: [ImageRequest.Quality]
    /// Whether the compression of its formats can be told.
    public var hasCompression: Bool
    /// How many pictures it can edit at once; 0 if it cannot edit.
    public var maxInputs: Int
    /// The encodings it takes as input.
    public var inputFormats: [PictureFormat]
    /// Whether it can be told where to edit.
    public var takesMask: Bool
    /// How many characters (Unicode scalars) its prompt may have.
    public var promptLimit: Int

    /// Creates a description.
    public init(
        aspectRatios: [AspectRatio],
        tiers: [SizeTier],
        defaultTier: SizeTier = .oneK,
        pixels: PixelTable,
        maxCount: Int = 1,
        formats: [PictureFormat] = [],
        nativeFormat: PictureFormat,
        hasSeed: Bool = false,
        hasNegativePrompt: Bool = false,
        hasTransparency: Bool = false,
        qualities: [ImageRequest.Quality] = [],
        hasCompression: Bool = false,
        maxInputs: Int = 0,
        inputFormats: [PictureFormat] = PictureFormat.allCases,
        takesMask: Bool = false,
        promptLimit: Int = 32_000
    ) {
        self.aspectRatios = aspectRatios
        self.tiers = tiers
        self.defaultTier = defaultTier
        self.pixels = pixels
        self.maxCount = maxCount
        self.formats = formats
        self.nativeFormat = nativeFormat
        self.hasSeed = hasSeed
        self.hasNegativePrompt = hasNegativePrompt
        self.hasTransparency = hasTransparency
        self.qualities = qualities
        self.hasCompression = hasCompression
        self.maxInputs = maxInputs
        self.inputFormats = inputFormats
        self.takesMask = takesMask
        self.promptLimit = promptLimit
    }
}

/// The pixel sizes of a model by shape and resolution class.
public struct PixelTable: Sendable, Hashable {
    private var sizes: [AspectRatio: [SizeTier: PixelSize]] = [:]

    /// Creates a table from rows of `ratio: sizes`, sizes in the order of `tiers`.
    ///
    /// - Parameters:
    ///   - tiers: The columns.
    ///   - rows: One line for each shape, `("16:9", "1376x768 2752x1536")`; a row that cannot be read is left out.
    public init(_ tiers: [SizeTier], _ rows: KeyValuePairs<String, String>) {
        for (ratio, row) in rows {
            guard let ratio = AspectRatio(ratio) else { continue }
            for (tier, size) in zip(tiers, row.split(separator: " ")) {
                sizes[ratio, default: [:]][tier] = PixelSize(String(size))
            }
        }
    }

    /// Creates a table from its cells.
    public init(_ sizes: [AspectRatio: [SizeTier: PixelSize]]) {
        self.sizes = sizes
    }

    /// The size of a shape in a class, if the table has it.
    public subscript(_ ratio: AspectRatio, _ tier: SizeTier) -> PixelSize? { sizes[ratio]?[tier] }

    /// The shape and class that have exactly these pixels.
    public func exact(_ size: PixelSize, among tiers: [SizeTier]) -> (ratio: AspectRatio, tier: SizeTier)? {
        for (ratio, row) in sizes {
            for tier in tiers where row[tier] == size { return (ratio, tier) }
        }
        return nil
    }
}

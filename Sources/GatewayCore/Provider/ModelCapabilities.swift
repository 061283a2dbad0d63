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
    /// The shapes it has, in the order of its rows.
    public private(set) var shapes: [AspectRatio] = []
    private var sizes: [Cell: PixelSize] = [:]
    /// Where each size stands, in the order of the rows: two shapes may have the same pixels.
    private var cells: [PixelSize: [Cell]] = [:]

    private struct Cell: Hashable {
        var ratio: AspectRatio
        var tier: SizeTier
    }

    /// Creates a table from rows of `ratio: sizes`, sizes in the order of `tiers`.
    ///
    /// - Parameters:
    ///   - tiers: The columns.
    ///   - rows: One line for each shape, `("16:9", "1376x768 2752x1536")`; a row that cannot be read is left out.
    public init(_ tiers: [SizeTier], _ rows: KeyValuePairs<String, String>) {
        for (ratio, row) in rows {
            guard let ratio = AspectRatio(ratio) else { continue }
            for (tier, size) in zip(tiers, row.split(separator: " ")) {
                guard let size = PixelSize(String(size)) else { continue }
                add(size, ratio, tier)
            }
        }
    }

    /// Creates a table of some of another's rows, in this order.
    public init(_ table: PixelTable, shapes: [String]) {
        for shape in shapes.compactMap({ AspectRatio($0) }) {
            for tier in SizeTier.allCases {
                if let size = table[shape, tier] { add(size, shape, tier) }
            }
        }
    }

    /// Creates a table from its cells; the rows are in the order of their shapes, tall ones first.
    public init(_ sizes: [AspectRatio: [SizeTier: PixelSize]]) {
        let shapes = sizes.keys.sorted { ($0.quotient, $0.width) < ($1.quotient, $1.width) }
        for shape in shapes {
            for tier in SizeTier.allCases {
                if let size = sizes[shape]?[tier] { add(size, shape, tier) }
            }
        }
    }

    /// The size of a shape in a class, if the table has it; setting it adds to the table.
    public subscript(_ ratio: AspectRatio, _ tier: SizeTier) -> PixelSize? {
        get { sizes[Cell(ratio: ratio, tier: tier)] }
        set {
            let cell = Cell(ratio: ratio, tier: tier)
            if let old = sizes.removeValue(forKey: cell) { cells[old]?.removeAll { $0 == cell } }
            if let newValue { add(newValue, ratio, tier) }
        }
    }

    /// The shape and class that have exactly these pixels: the first row of those that do.
    ///
    /// - Parameters:
    ///   - size: The pixels.
    ///   - tiers: The classes that can be asked for.
    ///   - shapes: The shapes that can be asked for; `nil` for all.
    public func exact(
        _ size: PixelSize,
        among tiers: [SizeTier],
        shapes: [AspectRatio]? = nil
    ) -> (ratio: AspectRatio, tier: SizeTier)? {
        let cell = cells[size]?.first { tiers.contains($0.tier) && shapes?.contains($0.ratio) ?? true }
        return cell.map { ($0.ratio, $0.tier) }
    }

    private mutating func add(_ size: PixelSize, _ ratio: AspectRatio, _ tier: SizeTier) {
        let cell = Cell(ratio: ratio, tier: tier)
        // A table that says a cell twice means the last.
        if let old = sizes[cell] { cells[old]?.removeAll { $0 == cell } }
        if !shapes.contains(ratio) { shapes.append(ratio) }
        sizes[cell] = size
        cells[size, default: []].append(cell)
    }
}

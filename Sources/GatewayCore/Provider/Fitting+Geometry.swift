// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

extension Fitting {
    /// Shape and class to ask for.
    mutating func geometry(
        size: RequestedSize?,
        ratio: AspectRatio?
    ) throws(InvalidRequest) -> (AspectRatio?, SizeTier?) {
        if case .pixels(let wish) = size, agree(wish, ratio) { return try pixels(wish) }
        return (try shape(size: size, ratio: ratio), try tier(size: size))
    }

    /// Whether a ratio says nothing that the pixels do not say.
    private func agree(_ size: PixelSize, _ ratio: AspectRatio?) -> Bool {
        guard let ratio else { return true }
        return size.quotient == ratio.quotient || exact(size)?.ratio.quotient == ratio.quotient
    }

    private mutating func pixels(_ wish: PixelSize) throws(InvalidRequest) -> (AspectRatio?, SizeTier?) {
        if let exact = exact(wish) {
            let ratio = capabilities.aspectRatios.isEmpty ? nil : exact.ratio
            return (ratio, capabilities.tiers.isEmpty ? nil : exact.tier)
        }
        let shape = nearestRatio(to: wish.quotient)
        let tier = nearestTier(to: .nearest(to: wish))
        let given = (shape ?? onlyShape).flatMap { capabilities.pixels[$0, tier ?? capabilities.defaultTier] }
        try give(up: "size", "The model has no size \(wish)", using: given?.description)
        return (shape, tier)
    }

    /// The row with exactly these pixels, if the model can be made to draw it.
    private func exact(_ size: PixelSize) -> (ratio: AspectRatio, tier: SizeTier)? {
        let tiers = capabilities.tiers.isEmpty ? [capabilities.defaultTier] : capabilities.tiers
        let shapes = capabilities.aspectRatios.isEmpty ? onlyShape.map { [$0] } ?? [] : capabilities.aspectRatios
        return capabilities.pixels.exact(size, among: tiers, shapes: shapes)
    }

    /// The shape of a model that can be told none and always draws the same.
    private var onlyShape: AspectRatio? {
        let shapes = capabilities.pixels.shapes
        return capabilities.aspectRatios.isEmpty && shapes.count == 1 ? shapes.first : nil
    }

    private mutating func shape(size: RequestedSize?, ratio: AspectRatio?) throws(InvalidRequest) -> AspectRatio? {
        var name = "aspect_ratio"
        var wish = ratio
        if wish == nil, case .ratio(let shape) = size {
            wish = shape
            name = "size"
        }
        guard let wish else { return nil }
        if capabilities.aspectRatios.contains(wish) { return wish }
        let nearest = nearestRatio(to: wish.quotient)
        if let drawn = nearest ?? onlyShape, drawn.quotient == wish.quotient { return nearest }
        try give(up: name, "The model has no aspect ratio \(wish)", using: nearest?.description)
        return nearest
    }

    private mutating func tier(size: RequestedSize?) throws(InvalidRequest) -> SizeTier? {
        let wish: SizeTier
        switch size {
        case .tier(let tier): wish = tier
        case .pixels(let size): wish = .nearest(to: size)
        case .ratio, nil: return nil
        }
        if capabilities.tiers.contains(wish) { return wish }
        if capabilities.tiers.isEmpty, capabilities.defaultTier == wish { return nil }
        let nearest = nearestTier(to: wish)
        let given = nearest ?? capabilities.defaultTier
        try give(up: "size", "The model has no size \(size?.description ?? wish.rawValue)", using: given.rawValue)
        return nearest
    }

    /// The first of the nearest, in the order of the model's table.
    private func nearestTier(to wish: SizeTier) -> SizeTier? {
        capabilities.tiers.min { abs(log2($0.side) - log2(wish.side)) < abs(log2($1.side) - log2(wish.side)) }
    }

    private func nearestRatio(to quotient: Double) -> AspectRatio? {
        capabilities.aspectRatios.min { distance($0.quotient, quotient) < distance($1.quotient, quotient) }
    }

    /// Grows as |log(left / right)| does.
    private func distance(_ left: Double, _ right: Double) -> Double { max(left / right, right / left) }

    private func log2(_ side: Int) -> Int { side.bitWidth - side.leadingZeroBitCount }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The one image model of the Chinese site, as its public lists have it.
enum AiToEarnModel {
    static let name = "gpt-image-2"
    static let maxInputs = 14
    static let qualities = ["auto", "high", "medium", "low"]

    /// What a picture costs, in credits, by its size.
    static let prices: [(credits: Int, sizes: [PixelSize])] = [
        (1, "1024x1024 1536x1024 1024x1536 1408x1056 1056x1408 1360x1088 1088x1360 1536x864 864x1536"),
        (2, "1920x1920 2304x1536 1536x2304 2176x1632 1632x2176 2080x1664 1664x2080 2560x1440 1440x2560"),
        (4, "2880x2880 3504x2336 2336x3504 3264x2448 2448x3264 3200x2560 2560x3200 3840x2160 2160x3840"),
    ].map { credits, list in (credits, list.split(separator: " ").compactMap { PixelSize(String($0)) }) }

    /// What a size costs; one that is unknown costs what a small one does, and fails later.
    static func price(of size: PixelSize?) -> Int {
        prices.first { row in size.map { row.sizes.contains($0) } ?? false }?.credits ?? 1
    }

    /// The size that is drawn when none is named: the small one whose shape is nearest.
    static func size(like shape: Double) -> PixelSize {
        let small = prices.first?.sizes ?? []
        let nearest = small.min {
            max($0.quotient / shape, shape / $0.quotient) < max($1.quotient / shape, shape / $1.quotient)
        }
        return nearest ?? PixelSize(1024, 1024)
    }

    static func list(editing: Bool) -> JSON {
        let sizes = prices.flatMap { row in row.sizes.map { (JSON($0.description), JSON(row.credits)) } }
        let pricing = sizes.map { size, price -> JSON in ["size": size, "price": price, "originPrice": price] }
        var members: [JSON.Member] = [
            .init("name", JSON(name)), .init("label", "GPT Image 2"), .init("description", "GPT Image 2, emulated."),
            .init("tags", []), .init("creditsScope", "image"), .init("sizes", .array(sizes.map(\.0))),
        ]
        members +=
            editing
            ? [.init("maxInputImages", JSON(maxInputs))]
            : [.init("qualities", .array(qualities.map { JSON($0) })), .init("styles", [])]
        return [.object(members + [.init("pricing", .array(pricing))])]
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The pixel sizes of Google's picture models, whoever sells them.
enum GoogleGrid {
    /// All shapes, the four extreme ones last.
    static let all = PixelTable(
        [.half, .oneK, .twoK, .fourK],
        [
            "1:1": "512x512 1024x1024 2048x2048 4096x4096",
            "2:3": "424x632 848x1264 1696x2528 3392x5056",
            "3:2": "632x424 1264x848 2528x1696 5056x3392",
            "3:4": "448x600 896x1200 1792x2400 3584x4800",
            "4:3": "600x448 1200x896 2400x1792 4800x3584",
            "4:5": "464x576 928x1152 1856x2304 3712x4608",
            "5:4": "576x464 1152x928 2304x1856 4608x3712",
            "9:16": "384x688 768x1376 1536x2752 3072x5504",
            "16:9": "688x384 1376x768 2752x1536 5504x3072",
            "21:9": "792x336 1584x672 3168x1344 6336x2688",
            "1:4": "256x1024 512x2048 1024x4096 2048x8192",
            "4:1": "1024x256 2048x512 4096x1024 8192x2048",
            "1:8": "192x1536 384x3072 768x6144 1536x12288",
            "8:1": "1536x192 3072x384 6144x768 12288x1536",
        ]
    )

    /// The shapes of the models that do not draw the extreme ones: a table has only what can be asked for.
    static let standard = PixelTable(
        all,
        shapes: ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]
    )

    /// Those of `gemini-2.5-flash-image`, which has no classes.
    static let flash25 = PixelTable(
        [.oneK],
        [
            "1:1": "1024x1024",
            "2:3": "832x1248",
            "3:2": "1248x832",
            "3:4": "864x1184",
            "4:3": "1184x864",
            "4:5": "896x1152",
            "5:4": "1152x896",
            "9:16": "768x1344",
            "16:9": "1344x768",
            "21:9": "1536x672",
        ]
    )
}

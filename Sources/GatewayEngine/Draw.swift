// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A lot drawn for a task: chance that is the same wherever and whenever it is looked at.
struct Draw: Sendable {
    /// From 0 up to, not including, 1.
    let lot: Double

    init(_ task: TaskID) {
        // FNV-1a over the name, then the finalizer of SplitMix64: names that differ in their last letter only are far
        // apart. Swift's own hashes differ from process to process.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in task.description.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        hash ^= hash >> 31
        lot = Double(hash >> 11) / 0x1p53
    }

    /// The elements with the drawn one in front, the others by falling weight.
    func order<Element>(_ elements: [Element], weight: (Element) -> Int) -> [Element] {
        let weights = elements.map(weight)
        let falling = elements.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }
        let total = weights.reduce(0, +)
        var rest = Int(lot * Double(total))
        let drawn = elements.indices.first { place in
            rest -= weights[place]
            return rest < 0
        }
        guard let drawn else { return falling.map { elements[$0] } }
        return [elements[drawn]] + falling.filter { $0 != drawn }.map { elements[$0] }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// A random number generator whose numbers follow from its seed (SplitMix64), on every machine and in every version.
struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// Seeds a generator with a text and a number.
    init(_ text: String, _ number: UInt64) {
        self.init(seed: Self.hash(text) &+ number &* 0x9E37_79B9_7F4A_7C15)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from a range, by this generator's own arithmetic: the library's may change between versions.
    mutating func number(_ range: ClosedRange<Double>) -> Double {
        let share = Double(next() >> 11) / Double(1 << 53)
        return range.lowerBound + (range.upperBound - range.lowerBound) * share
    }

    /// A place in a list of `count`; 0 if the list is empty.
    mutating func place(below count: Int) -> Int {
        count > 0 ? Int(next() % UInt64(count)) : 0
    }

    /// The FNV-1a hash of a text.
    static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}

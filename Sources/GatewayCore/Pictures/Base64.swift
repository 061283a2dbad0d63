// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CBase64
public import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// Base64 (RFC 4648) between buffers, without a string in between.
public enum Base64 {
    /// How many bytes `count` characters of base64 decode to at most.
    public static func decodedCount(of count: Int) -> Int { count / 4 * 3 + 3 }

    /// Decodes a text.
    ///
    /// Accepts both alphabets, a missing padding and white space between the characters, because vendors and callers
    /// differ; anything else is refused.
    ///
    /// - Returns: The bytes, or `nil` if the text is not base64.
    public static func decode(_ text: ByteBuffer) -> ByteBuffer? {
        var decoded = ByteBufferAllocator().buffer(capacity: decodedCount(of: text.readableBytes))
        let succeeded = text.withUnsafeReadableBytes { source in
            var state = DecodingState()
            decoded.writeWithUnsafeMutableBytes(minimumWritableBytes: decodedCount(of: source.count)) { target in
                state.decode(source, into: target)
            }
            return state.isComplete
        }
        return succeeded ? decoded : nil
    }

    /// Replaces a text by its bytes, in the memory it is in: of a large picture there are never both.
    ///
    /// - Parameter text: The text; empty afterwards if it was not base64.
    /// - Returns: Whether it was base64, as ``decode(_:)`` takes it; `nil`, with the text as it was, if somebody else
    ///   holds its memory as well.
    public static func decodeInPlace(_ text: inout ByteBuffer) -> Bool? {
        text.modifyIfUniquelyOwned { text in
            var state = DecodingState()
            let count = text.withUnsafeMutableReadableBytes { bytes in
                let count = state.decode(UnsafeRawBufferPointer(bytes), into: bytes)
                giveBack(UnsafeMutableRawBufferPointer(rebasing: bytes[count...]))
                return count
            }
            text.moveWriterIndex(to: text.readerIndex + (state.isComplete ? count : 0))
            return state.isComplete
        }
    }

    /// Lets the system have the pages in which nothing is any more, if they are worth the call.
    private static func giveBack(_ rest: UnsafeMutableRawBufferPointer) {
        #if canImport(Glibc)
            guard let start = rest.baseAddress, rest.count >= 1 << 20 else { return }
            let page = Int(getpagesize())
            let first = start.alignedUp(toMultipleOf: page)
            let last = (start + rest.count).alignedDown(toMultipleOf: page)
            madvise(first, last - first, MADV_DONTNEED)
        #endif
    }

    /// Whether a text can be handed on as it is, and decodes: whole groups of the standard alphabet and its padding,
    /// without line breaks.
    public static func isStandard(_ text: ByteBuffer) -> Bool {
        text.withUnsafeReadableBytes { bytes in
            guard bytes.count.isMultiple(of: 4) else { return false }
            let padding = bytes.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
            let characters = UnsafeRawBufferPointer(rebasing: bytes.dropLast(padding))
            guard let base = characters.baseAddress else { return true }
            let rest = characters[gateway_base64_check(base, characters.count)...]
            return values.withUnsafeBufferPointer { values in
                rest.allSatisfy { values[Int($0)] < 64 && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }
            }
        }
    }

    /// Encodes bytes with the standard alphabet, padding and no line breaks.
    public static func encode(_ bytes: ByteBuffer) -> ByteBuffer {
        let length = (bytes.readableBytes + 2) / 3 * 4
        var encoded = ByteBufferAllocator().buffer(capacity: length)
        bytes.withUnsafeReadableBytes { source in
            _ = encoded.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { target in
                encode(source, into: target)
                return length
            }
        }
        return encoded
    }

    private static func encode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var from = 0
            var to = 0
            while from + 2 < source.count {
                let bits = UInt32(source[from]) << 16 | UInt32(source[from + 1]) << 8 | UInt32(source[from + 2])
                target[to] = alphabet[Int(bits >> 18)]
                target[to + 1] = alphabet[Int(bits >> 12 & 63)]
                target[to + 2] = alphabet[Int(bits >> 6 & 63)]
                target[to + 3] = alphabet[Int(bits & 63)]
                from += 3
                to += 4
            }
            guard from < source.count else { return }
            let second = from + 1 < source.count ? UInt32(source[from + 1]) : 0
            let bits = UInt32(source[from]) << 16 | second << 8
            target[to] = alphabet[Int(bits >> 18)]
            target[to + 1] = alphabet[Int(bits >> 12 & 63)]
            target[to + 2] = from + 1 < source.count ? alphabet[Int(bits >> 6 & 63)] : UInt8(ascii: "=")
            target[to + 3] = UInt8(ascii: "=")
        }
    }

    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The six bits of each character; 64 for white space, 65 for `=`, 255 for anything else.
    fileprivate static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        table[Int(UInt8(ascii: "-"))] = 62
        table[Int(UInt8(ascii: "_"))] = 63
        for space in [0x20, 0x09, 0x0A, 0x0D] { table[space] = 64 }
        table[Int(UInt8(ascii: "="))] = 65
        return table
    }()

    /// What is left over between four characters and the next four.
    private struct DecodingState {
        var bits: UInt32 = 0
        var characters = 0
        var padding = 0
        var isBroken = false

        var isComplete: Bool {
            // One character over carries six bits, too few for a byte; padding only completes a group of four.
            !isBroken && characters != 1 && (padding == 0 || characters + padding == 4)
        }

        /// Decodes into `target`, which may be the same memory, and gives the number of bytes written.
        ///
        /// What is written never overtakes what is read: three bytes come of four characters.
        mutating func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int {
            Base64.values.withUnsafeBufferPointer { values in
                var from = 0
                var to = 0
                while from < source.count, !isBroken {
                    if characters == 0, padding == 0 {
                        fourAtOnce(source, target, values, &from, &to)
                        guard from < source.count else { break }
                    }
                    let value = values[Int(source[from])]
                    from += 1
                    switch value {
                    case 0..<64 where padding == 0: take(value, target, &to)
                    case 64: continue
                    case 65 where padding < 2 && characters >= 2: padding += 1
                    default: isBroken = true
                    }
                }
                return to + finish(target, to)
            }
        }

        /// The fast way, as long as every four characters carry 24 bits: whole blocks, and the groups between them.
        private func fourAtOnce(
            _ source: UnsafeRawBufferPointer,
            _ target: UnsafeMutableRawBufferPointer,
            _ values: UnsafeBufferPointer<UInt8>,
            _ from: inout Int,
            _ to: inout Int
        ) {
            var block = from
            while from + 4 <= source.count {
                if from >= block, let base = source.baseAddress, let start = target.baseAddress {
                    let taken = gateway_base64_decode(base + from, source.count - from, start + to)
                    from += taken
                    to += taken / 4 * 3
                    // What blocks do not take is left to groups for a while, so that no block is looked at again and again.
                    block = from + 32
                    guard from + 4 <= source.count else { return }
                }
                let first = values[Int(source[from])]
                let second = values[Int(source[from + 1])]
                let third = values[Int(source[from + 2])]
                let fourth = values[Int(source[from + 3])]
                guard first | second | third | fourth < 64 else { return }
                let bits = UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
                target[to] = UInt8(truncatingIfNeeded: bits >> 16)
                target[to + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                target[to + 2] = UInt8(truncatingIfNeeded: bits)
                from += 4
                to += 3
            }
        }

        private mutating func take(_ value: UInt8, _ target: UnsafeMutableRawBufferPointer, _ to: inout Int) {
            bits = bits << 6 | UInt32(value)
            characters += 1
            guard characters == 4 else { return }
            target[to] = UInt8(truncatingIfNeeded: bits >> 16)
            target[to + 1] = UInt8(truncatingIfNeeded: bits >> 8)
            target[to + 2] = UInt8(truncatingIfNeeded: bits)
            to += 3
            bits = 0
            characters = 0
        }

        private func finish(_ target: UnsafeMutableRawBufferPointer, _ to: Int) -> Int {
            switch characters {
            case 2:
                target[to] = UInt8(truncatingIfNeeded: bits >> 4)
                return 1
            case 3:
                target[to] = UInt8(truncatingIfNeeded: bits >> 10)
                target[to + 1] = UInt8(truncatingIfNeeded: bits >> 2)
                return 2
            default:
                return 0
            }
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Who takes the parts of a multipart body as they come.
protocol MultipartSink {
    /// A part begins.
    mutating func begin(_ head: MultipartHead) throws(InvalidRequest)
    /// More of the part's content: a slice of what was received.
    mutating func add(_ bytes: ByteBuffer) throws(InvalidRequest)
    /// The part is whole.
    mutating func end() throws(InvalidRequest)
}

/// Cuts a multipart body into parts while it is received, wherever the pieces are cut.
///
/// It holds back at most a delimiter and the blanks behind it; each byte is looked at a bounded number of times, because
/// a delimiter begins with the only carriage return in it: a match that fails can begin again nowhere but at the byte at
/// which it failed. Preamble and epilogue are passed over.
struct MultipartParser {
    private enum State {
        /// In a part's content, or in the preamble.
        case content
        /// Behind what may be a delimiter: only blanks and a line end, or two hyphens, make it one.
        case tail
        /// In the lines above a part's content.
        case head
        /// Behind the closing delimiter.
        case ended
    }

    /// How many parts a body may have.
    static let partLimit = 128
    /// How many bytes may stand above a part's content.
    static let headLimit = 8 << 10
    /// How many blanks may stand behind a delimiter.
    static let blankLimit = 128

    private let delimiter: [UInt8]
    private var state = State.content
    /// How much of the delimiter has been seen.
    private var matched = 2
    /// How much of that is not content if the match fails: what stands at the start of the body or ended the head.
    private var phantom = 2
    private var tail: [UInt8] = []
    private var head: [UInt8] = []
    private var parts = 0
    /// How much work was done: bytes looked at, and looked at again.
    private(set) var steps = 0

    init(_ boundary: MultipartBoundary) {
        delimiter = boundary.delimiter
    }

    /// Takes the next piece of the body.
    mutating func feed(_ chunk: ByteBuffer, to sink: inout some MultipartSink) throws(InvalidRequest) {
        var place = 0
        while place < chunk.readableBytes {
            switch state {
            case .content: try content(chunk, &place, &sink)
            case .tail: try tail(chunk.byte(place), &place, &sink)
            case .head: try head(chunk.byte(place), &place, &sink)
            case .ended: return
            }
        }
    }

    /// Says that the body has ended.
    ///
    /// - Throws: ``InvalidRequest`` if its closing delimiter has not come.
    func finish() throws(InvalidRequest) {
        if state == .ended { return }
        if parts == 0, state == .content {
            throw InvalidRequest(
                .invalidValue,
                nil,
                "The multipart body has no part: a line of two hyphens and the boundary must begin each, ended by CRLF."
            )
        }
        throw InvalidRequest(.invalidValue, nil, "The multipart body broke off before its closing boundary.")
    }

    // MARK: Content

    private mutating func content(
        _ chunk: ByteBuffer,
        _ place: inout Int,
        _ sink: inout some MultipartSink
    ) throws(InvalidRequest) {
        let start = place
        var carried = matched
        while place < chunk.readableBytes {
            if matched == 0 {
                let found = chunk.nextReturn(from: place)
                steps += (found ?? chunk.readableBytes) - place + 1
                place = found.map { $0 + 1 } ?? chunk.readableBytes
                if found != nil { matched = 1 }
                continue
            }
            let byte = chunk.byte(place)
            place += 1
            steps += 1
            if byte == delimiter[matched] {
                matched += 1
                guard matched == delimiter.count else { continue }
                try give(chunk, start..<max(start, place - matched + carried), &sink)
                (state, matched, tail) = (.tail, 0, [])
                return
            }
            try give(delimiter[min(phantom, carried)..<carried], &sink)
            (carried, phantom) = (0, 0)
            matched = byte == delimiter[0] ? 1 : 0
        }
        try give(chunk, start..<max(start, place - matched + carried), &sink)
    }

    private func give(
        _ chunk: ByteBuffer,
        _ range: Range<Int>,
        _ sink: inout some MultipartSink
    ) throws(InvalidRequest) {
        guard parts > 0, !range.isEmpty,
            let slice = chunk.getSlice(at: chunk.readerIndex + range.lowerBound, length: range.count)
        else { return }
        try sink.add(slice)
    }

    private func give(_ bytes: ArraySlice<UInt8>, _ sink: inout some MultipartSink) throws(InvalidRequest) {
        if parts > 0, !bytes.isEmpty { try sink.add(ByteBuffer(bytes: bytes)) }
    }

    // MARK: Between the parts

    private mutating func tail(
        _ byte: UInt8,
        _ place: inout Int,
        _ sink: inout some MultipartSink
    ) throws(InvalidRequest) {
        steps += 1
        switch (tail.last, byte) {
        case (UInt8(ascii: "-"), UInt8(ascii: "-")):
            if parts > 0 { try sink.end() }
            state = .ended
        case (UInt8(ascii: "\r"), UInt8(ascii: "\n")):
            if parts > 0 { try sink.end() }
            parts += 1
            guard parts <= Self.partLimit else {
                throw InvalidRequest(
                    .invalidValue,
                    nil,
                    "The multipart body may have at most \(Self.partLimit) parts."
                )
            }
            (state, head) = (.head, [])
        case (nil, UInt8(ascii: "-")), (nil, UInt8(ascii: "\r")),
            (UInt8(ascii: " "), UInt8(ascii: "\r")), (UInt8(ascii: "\t"), UInt8(ascii: "\r")):
            tail.append(byte)
        case (nil, UInt8(ascii: " ")), (UInt8(ascii: " "), UInt8(ascii: " ")), (UInt8(ascii: "\t"), UInt8(ascii: " ")),
            (nil, UInt8(ascii: "\t")), (UInt8(ascii: " "), UInt8(ascii: "\t")),
            (UInt8(ascii: "\t"), UInt8(ascii: "\t")):
            guard tail.count < Self.blankLimit else { return try resume(&sink) }
            tail.append(byte)
        default: return try resume(&sink)
        }
        place += 1
    }

    /// It was no delimiter: a picture may have anything in it.
    private mutating func resume(_ sink: inout some MultipartSink) throws(InvalidRequest) {
        try give(delimiter[phantom...], &sink)
        // The last return may begin the true delimiter; it is held back as any other.
        let endsInReturn = tail.last == delimiter[0]
        try give(tail.dropLast(endsInReturn ? 1 : 0), &sink)
        (state, matched, phantom) = (.content, endsInReturn ? 1 : 0, 0)
    }

    private mutating func head(
        _ byte: UInt8,
        _ place: inout Int,
        _ sink: inout some MultipartSink
    ) throws(InvalidRequest) {
        steps += 1
        place += 1
        guard head.count < Self.headLimit else {
            throw InvalidRequest(
                .invalidValue,
                nil,
                "A part of the multipart body has more than \(Self.headLimit) bytes of headers."
            )
        }
        guard byte != UInt8(ascii: "\n") || head.last == UInt8(ascii: "\r") else {
            throw InvalidRequest(.invalidValue, nil, "The lines of a multipart body must end in CRLF, not LF alone.")
        }
        head.append(byte)
        guard byte == UInt8(ascii: "\n"), head.count == 2 || head.suffix(4) == [13, 10, 13, 10] else { return }
        try sink.begin(try MultipartHead(Array(head.dropLast(2))))
        // The line break above an empty content may be that of the delimiter, too.
        (state, matched, phantom) = (.content, 2, 2)
    }
}

extension ByteBuffer {
    /// The byte at a place from the reader's on, which must be there.
    fileprivate func byte(_ place: Int) -> UInt8 {
        readableBytesView[readerIndex + place]
    }

    /// The place of the next carriage return.
    fileprivate func nextReturn(from place: Int) -> Int? {
        withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base + place, 13, bytes.count - place) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }
}

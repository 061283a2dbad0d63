// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What stands before the picture in a JPEG file and matters to it.
struct JPEGSegments {
    /// How to turn the picture.
    var orientation = Orientation.upright
    /// The ICC profile, its pieces in order.
    var profile: [UInt8] = []
    /// Whether an Adobe program's mark is there: then CMYK is stored inverted.
    var isAdobe = false

    private static let profileName = Array("ICC_PROFILE\0".utf8)
    /// What one segment can hold beside its own length, the name and two numbers.
    private static let pieceLength = 65_533 - profileName.count - 2

    /// Walks the segments up to the first scan.
    init(_ file: UnsafeRawBufferPointer) {
        var pieces: [UInt8: [UInt8]] = [:]
        var place = 2
        while place + 4 <= file.count, file[place] == 0xFF {
            let marker = file[place + 1]
            guard marker != 0xFF else {
                place += 1
                continue
            }
            let length = Int(file[place + 2]) << 8 | Int(file[place + 3])
            guard marker != 0xDA, marker != 0xD9, length >= 2, place + 2 + length <= file.count else { break }
            let content = UnsafeRawBufferPointer(rebasing: file[(place + 4)..<(place + 2 + length)])
            switch marker {
            case 0xE1 where content.starts(with: "Exif\0\0".utf8): orientation = Orientation(exif: content)
            case 0xE2 where content.starts(with: Self.profileName) && content.count > Self.profileName.count + 2:
                pieces[content[Self.profileName.count]] = Array(content.dropFirst(Self.profileName.count + 2))
            case 0xEE where content.starts(with: "Adobe".utf8): isAdobe = true
            default: break
            }
            place += 2 + length
        }
        for number in pieces.keys.sorted() { profile += pieces[number] ?? [] }
    }

    /// The segments that carry a profile; none if it does not fit into as many as there may be.
    static func carrying(_ profile: ColorProfile) -> [UInt8] {
        let count = (profile.bytes.count + pieceLength - 1) / pieceLength
        guard count <= 255 else { return [] }
        var segments: [UInt8] = []
        for number in 0..<count {
            let piece = profile.bytes.dropFirst(number * pieceLength).prefix(pieceLength)
            let length = 2 + profileName.count + 2 + piece.count
            segments += [0xFF, 0xE2, UInt8(length >> 8), UInt8(length & 0xFF)] + profileName
            segments += [UInt8(number + 1), UInt8(count)] + piece
        }
        return segments
    }
}

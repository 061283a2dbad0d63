// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What stands above a part's content, as far as it matters: its type is not believed, so it is not read.
struct MultipartHead: Equatable {
    /// The field's name.
    let name: String
    /// The file's name, if it came as a file; empty for a file that nobody chose.
    let fileName: String?

    /// Reads the lines above a part's content.
    ///
    /// - Parameter bytes: Lines ended by CRLF, without the empty one.
    /// - Throws: ``InvalidRequest`` for a part that cannot be told from another one, or is encoded once more.
    init(_ bytes: [UInt8]) throws(InvalidRequest) {
        var disposition: HeaderParameters?
        var encoding = "binary"
        for line in Self.lines(bytes) {
            guard let colon = line.firstIndex(of: ":") else {
                throw InvalidRequest(.invalidValue, nil, "A part of the multipart body has a header without a colon.")
            }
            let value = line[line.index(after: colon)...].trimmed
            switch line[..<colon].trimmed.lowercased() {
            case "content-disposition": disposition = disposition ?? HeaderParameters(value)
            case "content-transfer-encoding": encoding = value.lowercased()
            default: continue
            }
        }
        guard let disposition, disposition.essence == "form-data", let name = disposition["name"], !name.isEmpty else {
            throw InvalidRequest(
                .invalidValue,
                nil,
                "Every part of the multipart body needs a Content-Disposition: form-data with a name."
            )
        }
        guard ["binary", "8bit", "7bit"].contains(encoding) else {
            throw InvalidRequest(
                .invalidValue,
                String(name.prefix(64)),
                "A part's Content-Transfer-Encoding must be binary: files are sent as they are."
            )
        }
        self.name = name
        fileName = disposition["filename"] ?? disposition["filename*"]
    }

    /// Lines, those put together that were folded the old way.
    private static func lines(_ bytes: [UInt8]) -> [Substring] {
        var lines: [Substring] = []
        // Characters, as Swift sees them: CRLF is one.
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n") {
            if line.first == " " || line.first == "\t", let last = lines.popLast() {
                lines.append(last + line)
            } else {
                lines.append(line)
            }
        }
        return lines
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import RegexBuilder
import Testing

/// The promises of `docs/guarantees.md`: each names tests, and those exist.
@Suite struct GuaranteeDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func rows() throws -> [Substring] {
        let document = try String(contentsOf: root.appending(path: "docs/guarantees.md"), encoding: .utf8)
        let promised = document.prefix(upTo: try #require(document.range(of: "# What is not promised")).lowerBound)
        return promised.split(separator: "\n").filter { $0.hasPrefix("| ") && $0.dropFirst(2).first?.isNumber == true }
    }

    @Test func `the promises are numbered one after the other`() throws {
        let numbers = try Self.rows().compactMap { Int($0.dropFirst(2).prefix { $0 != " " }) }

        #expect(!numbers.isEmpty)
        #expect(numbers == Array(1...max(1, numbers.count)))
    }

    @Test func `each promise names a test that exists`() throws {
        let proof = Regex {
            "](../"
            Capture { OneOrMore(.anyNonNewline, .reluctant) }
            ") *"
            Capture { OneOrMore(.anyNonNewline, .reluctant) }
            "*"
        }
        for row in try Self.rows() {
            let proofs = row.matches(of: proof)
            #expect(!proofs.isEmpty, "\(row.prefix(60)) names no test.")
            for proof in proofs {
                let file = Self.root.appending(path: String(proof.1))
                let source = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
                #expect(source.contains(String(proof.2)), "\(proof.1) has no test '\(proof.2)'.")
            }
        }
    }
}

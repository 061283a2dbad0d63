// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import NIOCore

/// Where a command writes: results on standard output, everything else on standard error.
enum Terminal {
    /// Whether a person watches standard error.
    static var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    static func complain(_ sentence: String) {
        write("image-gateway: \(sentence)\n", to: .standardError)
    }

    static func note(_ sentence: String) {
        write(sentence + "\n", to: .standardError)
    }

    /// Prints a result for machines.
    static func print(_ json: JSON) {
        Swift.print(String(buffer: json.encoded()))
    }

    /// Writes at once; a closed pipe is nothing to fail about.
    static func write(_ text: String, to handle: FileHandle) {
        try? handle.write(contentsOf: Data(text.utf8))
    }

    /// Ends with the contract's status when somebody presses Ctrl-C.
    static func exitWhenInterrupted() {
        signal(SIGINT) { _ in
            endLine()
            _exit(130)
        }
    }
}

/// Gives the prompt a clean line, by what is safe in a signal handler.
private func endLine() {
    _ = write(STDERR_FILENO, "\n", 1)
}

/// How far a task is: a bar for a person, a line for each change for anything else.
struct ProgressDisplay {
    private let isBar = Terminal.isInteractive
    private let start = ContinuousClock.now
    private var last = ""

    mutating func show(status: String, progress: Int) {
        if isBar {
            let filled = progress * 24 / 100
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
            Terminal.write("\r\u{1B}[2K\(bar) \(progress)%  \(status)  \(seconds)s", to: .standardError)
        } else if status != last {
            Terminal.note("\(status) (\(progress)%)")
        }
        last = status
    }

    /// Takes the bar away, so that what follows begins on a clean line.
    func end() {
        if isBar, !last.isEmpty { Terminal.write("\r\u{1B}[2K", to: .standardError) }
    }

    private var seconds: String { String(format: "%.1f", start.duration(to: .now) / .seconds(1)) }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A program of the test environment that runs until it is stopped, or until these tests end, however they end.
final class ServerProcess {
    /// Ends the server when its input ends: because these tests stop it, or because they crashed.
    private static let watcher = """
        import subprocess, sys, threading
        log = open(sys.argv[1], "wb")
        server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), server.kill()), daemon=True).start()
        sys.exit(server.wait())
        """

    private let process = Process()
    private let input = Pipe()
    private let log: String

    /// Starts a program of `.build/test-venv`.
    init(program: String, arguments: [String], log: String) throws {
        self.log = log
        process.executableURL = URL(fileURLWithPath: try Self.find("python3"))
        process.arguments = ["-c", Self.watcher, log, try Self.find(program)] + arguments
        process.standardInput = input
        try process.run()
    }

    /// Whether the server has not ended by itself.
    var isRunning: Bool { process.isRunning }

    /// Ends the server at once: its data is thrown away anyway.
    func stop() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// The end of the server's log.
    var lastWords: String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return String(text.suffix(2000))
    }

    /// What a program of `.build/test-venv` writes until it ends.
    static func output(of program: String, _ arguments: [String]) throws -> String {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: try find(program))
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw LiveServerFailure("\(program) \(arguments) ended with \(process.terminationStatus).")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func find(_ program: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: ".build/test-venv/bin/\(program)").path
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw LiveServerFailure(
                "\(program), for tests with real S3 servers, is not installed: run `make test`, which installs it."
            )
        }
        return path
    }
}

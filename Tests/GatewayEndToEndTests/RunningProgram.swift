// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCurl
import HTTPTypes
import NIOCore
import Synchronization

/// The built program running as a process of its own, on free loopback ports, in a folder of its own.
final class RunningProgram: Sendable {
    let port: Int
    let folder: URL
    private let process: Mutex<Process>

    var base: String { "http://127.0.0.1:\(port)" }

    /// Starts it.
    ///
    /// - Parameters:
    ///   - arguments: The subcommand and its options.
    ///   - port: The port it will listen on.
    ///   - folder: Its working folder, which keeps data from one start to the next.
    ///   - ready: The path that answers 200 when it is ready.
    ///   - environment: What is added to the environment.
    ///   - openFiles: How many files and connections it may have open; `nil` for as many as this process.
    init(
        _ arguments: [String],
        port: Int,
        folder: URL,
        ready: String,
        environment: [String: String] = [:],
        openFiles: Int? = nil
    ) async throws {
        self.port = port
        self.folder = folder
        let log = folder.appendingPathComponent("\(arguments[0]).log")
        if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments
        if let openFiles {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let line = "ulimit -n \(openFiles) && exec \"$0\" \"$@\""
            process.arguments = ["-c", line, Self.program.path] + arguments
        }
        process.currentDirectoryURL = folder
        process.environment = Self.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = output
        try process.run()
        self.process = Mutex(process)
        try await untilReady(ready)
    }

    deinit {
        process.withLock { process in
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
    }

    var processID: pid_t { process.withLock(\.processIdentifier) }

    var isRunning: Bool { process.withLock(\.isRunning) }

    /// What it has written so far.
    func log(_ name: String) -> String {
        (try? String(contentsOf: folder.appendingPathComponent("\(name).log"), encoding: .utf8)) ?? ""
    }

    /// Ends it with a signal and waits until it is gone.
    ///
    /// - Returns: Its exit status.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM) async -> Int32 {
        kill(processID, signal)
        while isRunning { try? await Task.sleep(for: .milliseconds(20)) }
        return process.withLock(\.terminationStatus)
    }

    /// The most memory it ever had, in bytes.
    var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    private func untilReady(_ path: String) async throws {
        let transport = try CurlTransport()
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline, isRunning {
            let answer = try? await transport.send(TransportRequest(.get, base + path))
            if answer?.status == 200, isRunning { return await transport.close() }
            try await Task.sleep(for: .milliseconds(50))
        }
        await transport.close()
        throw ProgramFailure(message: "The program did not become ready: \(log("serve") + log("emulate"))")
    }

    // MARK: What all share

    static let environment: [String: String] = {
        var environment = ProcessInfo.processInfo.environment
        for name in [
            "GEMINI_API_KEY", "HINGNET_API_KEY", "AITOEARN_API_KEY", "IMAGE_GATEWAY_CONFIG", "IMAGE_GATEWAY_URL",
            "IMAGE_GATEWAY_KEY",
        ] {
            environment[name] = nil
        }
        return environment
    }()

    /// The program lies beside the test bundle, unless `GATEWAY_PROGRAM` names another build of it.
    static let program =
        ProcessInfo.processInfo.environment["GATEWAY_PROGRAM"].map { URL(fileURLWithPath: $0) }
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("image-gateway")

    static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func newFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Runs a command to its end.
    static func run(
        _ program: URL,
        _ arguments: [String],
        folder: URL,
        environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = Self.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Blocking reads on threads of their own: a full pipe would stop the process.
        async let outputText = text(from: output)
        async let errorText = text(from: errors)
        let texts = await (outputText, errorText)
        process.waitUntilExit()
        return (process.terminationStatus, texts.0, texts.1)
    }

    private static func text(from pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = (try? pipe.fileHandleForReading.readToEnd()) ?? nil
                continuation.resume(returning: String(decoding: data ?? Data(), as: UTF8.self))
            }
        }
    }
}

struct ProgramFailure: Error {
    var message: String
}

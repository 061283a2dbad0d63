// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import Logging

/// A request and how it went: what the one line about it says.
public struct AnsweredRequest: Sendable {
    /// The name of the request, in the answer and in every line about it.
    public let id: String
    /// The method.
    public let method: String
    /// The path without the query, cut if it is long.
    public let path: String
    /// The name of the caller's key; `nil` for health, files and wrong keys.
    public let caller: String?
    /// The status of the answer.
    public let status: Int
    /// How long it took until the answer began, in milliseconds.
    public let tookMilliseconds: Int64

    init(id: String, method: String, path: String, caller: String, status: Int, took: Duration) {
        self.id = id
        self.method = method
        self.path = path.utf8.count <= Self.longestPath ? path : String(path.prefix(Self.longestPath))
        self.caller = caller.isEmpty ? nil : caller
        self.status = status
        tookMilliseconds = took.milliseconds
    }

    private static let longestPath = 200

    /// How much the line matters: whoever asks for health asks all day.
    public var level: Logger.Level { path.hasPrefix("/health/") && status < 400 ? .debug : .info }

    /// Writes the line with a logger that knows the request's name.
    func log(to logger: Logger) {
        var metadata: Logger.Metadata = [
            "method": "\(method)", "path": "\(path)", "status": .stringConvertible(status),
            "took_ms": .stringConvertible(tookMilliseconds),
        ]
        if let caller { metadata["caller"] = "\(caller)" }
        logger.log(level: level, "request", metadata: metadata)
    }
}

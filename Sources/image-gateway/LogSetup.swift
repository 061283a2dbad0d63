// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayServer
import ImageGateway
import Logging

/// Makes the program's logger as the configuration says.
enum LogSetup {
    static func logger(_ log: GatewayConfiguration.Log) -> Logger {
        var logger = Logger(label: "image-gateway") { _ in LineLogHandler(format: log.format) }
        logger.logLevel = Logger.Level(rawValue: log.level) ?? .info
        return logger
    }

    /// Writes the line about each request as the logger would, without making metadata of it first.
    static func requestLog(_ log: GatewayConfiguration.Log) -> @Sendable (AnsweredRequest) -> Void {
        let least = logger(log).logLevel
        return { if $0.level >= least { LineLogHandler.write($0, log.format) } }
    }
}

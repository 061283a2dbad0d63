// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import ImageGateway
import Logging

/// Makes the program's logger as the configuration says.
enum LogSetup {
    static func logger(_ log: GatewayConfiguration.Log) -> Logger {
        var logger = Logger(label: "image-gateway") { _ in LineLogHandler(format: log.format) }
        logger.logLevel = Logger.Level(rawValue: log.level) ?? .info
        return logger
    }
}

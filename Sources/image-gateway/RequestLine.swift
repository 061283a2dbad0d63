// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayServer
import ImageGateway
import Logging
import NIOCore

/// The line about a request, which is nearly every line: what the handler would write, without making metadata for it,
/// and sorting that, first.
extension LineLogHandler {
    static func write(_ request: AnsweredRequest, _ format: GatewayConfiguration.Log.Format) {
        let now = SystemTime().now
        LogOutput.standardError.write(isUrgent: false) { line in
            switch format {
            case .json: writeObject(request, now, to: &line)
            case .text: writeSentence(request, now, to: &line)
            }
        }
    }

    private static func writeObject(_ request: AnsweredRequest, _ now: Timestamp, to line: inout ByteBuffer) {
        line.writeStaticString("{\"time\":\"")
        writeTime(now, to: &line)
        line.writeStaticString("\",\"level\":\"")
        line.writeString(request.level.rawValue)
        line.writeStaticString("\",\"message\":\"request\"")
        if let caller = request.caller {
            line.writeStaticString(",\"caller\":")
            line.writeJSONString(short(caller))
        }
        line.writeStaticString(",\"method\":")
        line.writeJSONString(short(request.method))
        line.writeStaticString(",\"path\":")
        line.writeJSONString(short(request.path))
        line.writeStaticString(",\"request\":")
        line.writeJSONString(short(request.id))
        line.writeStaticString(",\"status\":")
        line.writeString(String(request.status))
        line.writeStaticString(",\"took_ms\":")
        line.writeString(String(request.tookMilliseconds))
        line.writeStaticString("}\n")
    }

    private static func writeSentence(_ request: AnsweredRequest, _ now: Timestamp, to line: inout ByteBuffer) {
        writeBeginning(request.level, "request", now, to: &line)
        if let caller = request.caller { writePair("caller", caller, to: &line) }
        writePair("method", request.method, to: &line)
        writePair("path", request.path, to: &line)
        writePair("request", request.id, to: &line)
        line.writeString(" status=\(request.status) took_ms=\(request.tookMilliseconds)\n")
    }
}

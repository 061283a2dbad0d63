// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import Hummingbird

extension TaskView {
    /// The task as an answer, with what a poller needs to know.
    func response(
        _ task: ImageTask,
        status: HTTPResponse.Status = .ok,
        headers: HTTPFields = [:],
        withAttempts: Bool = false,
        queuePosition: Int? = nil
    ) throws(ObjectError) -> Response {
        var headers = headers
        // Room for those that every answer gets besides.
        headers.reserveCapacity(headers.count + 8)
        if !task.status.isFinal {
            let seconds = task.status == .pending ? 1 : 2
            headers[.retryAfter] = String(seconds)
            headers[.pollAfter] = String(seconds * 1000)
        }
        return Response(
            json: try json(task, withAttempts: withAttempts, queuePosition: queuePosition),
            status: status,
            headers: headers
        )
    }
}

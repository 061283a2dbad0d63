// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension [TaskID] {
    /// Where a name is, or belongs, among names in order.
    func place(of id: TaskID) -> Int {
        // Names grow, so a new one nearly always goes to the end.
        guard let last, last >= id else { return count }
        var range = indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = self[middle] < id ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }
}

extension TaskQuery {
    /// Whether a task belongs to what is asked for.
    func matches(_ task: ImageTask) -> Bool {
        if let after, ascending ? task.id <= after : task.id >= after { return false }
        return task.owner == owner && (status ?? task.status) == task.status
            && (model ?? task.request.model) == task.request.model
    }
}

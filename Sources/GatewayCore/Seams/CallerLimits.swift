// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// How much one caller may ask for.
public struct CallerLimits: Sendable, Hashable {
    /// How many requests a minute; `nil` for no limit.
    public var requestsPerMinute: Int?
    /// How many of its tasks may be unfinished at once; `nil` for no limit.
    public var concurrentTasks: Int?

    /// Creates limits; without any, a caller may ask for as much as there is room for.
    public init(requestsPerMinute: Int? = nil, concurrentTasks: Int? = nil) {
        self.requestsPerMinute = requestsPerMinute
        self.concurrentTasks = concurrentTasks
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// What to do when a vendor says that work it had accepted failed: it may be billed all the same.
public enum FailedTask: String, Sendable, Codable, CaseIterable {
    /// Ask the next provider, at most once per task.
    case failOver = "fail_over"
    /// Tell the caller.
    case report
}

/// What to do when a vendor's content policy forbids a request.
public enum OnRefusal: String, Sendable, Codable, CaseIterable {
    /// Tell the caller.
    case report
    /// Ask the next provider, whose policy may be another; a refusal costs nothing.
    case failOver = "fail_over"
}

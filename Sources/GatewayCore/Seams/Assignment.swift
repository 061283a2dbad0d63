// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A task that this process shall run, with what came along and is in memory anyway.
public struct Assignment: Sendable {
    /// The task, as it was written.
    public var task: ImageTask
    /// The pictures of its request's `upload` inputs, in order, a mask last; empty if there are none.
    public var uploads: [InputPicture]
    /// The room that was kept for it.
    public var room: TaskRoom?
}

/// Room that the engine of this process keeps for one task.
///
/// It is given back when nobody has it in hand any more, unless it was used.
public final class TaskRoom: Sendable {
    private let giveBack: Mutex<(@Sendable () -> Void)?>

    /// Creates room that was taken; `giveBack` is called if it is not used.
    public init(giveBack: @escaping @Sendable () -> Void) {
        self.giveBack = Mutex(giveBack)
    }

    deinit { giveBack.withLock(\.self)?() }

    /// Uses it: from now on the run of the task gives it back.
    public func use() {
        giveBack.withLock { $0 = nil }
    }
}

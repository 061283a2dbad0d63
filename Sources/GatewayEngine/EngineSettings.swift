// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The limits of an engine.
public struct EngineSettings: Sendable {
    /// Calls and transfers at one moment; tasks that wait for a vendor cost none.
    public var workers: Int
    /// How many bytes of pictures may be received and not yet stored; 0 for no bound.
    public var memoryBudget: Int
    /// How long a task may take from its creation on.
    public var taskTimeout: Duration
    /// How long running calls may go on when the process is asked to stop.
    public var drainTimeout: Duration
    /// What to do with wishes a model cannot honor.
    public var parameterMode: ParameterMode
    /// Whether pictures can be stored at all.
    public var hasStorage: Bool
    /// How often a node says that it is alive, and looks for work that nobody announced.
    public var heartbeat: Duration
    /// After how long without a heartbeat a node counts as gone.
    public var nodeTimeout: Duration

    /// Creates limits.
    public init(
        workers: Int = 256,
        memoryBudget: Int = 512 << 20,
        taskTimeout: Duration = .seconds(900),
        drainTimeout: Duration = .seconds(30),
        parameterMode: ParameterMode = .nearest,
        hasStorage: Bool = true,
        heartbeat: Duration = .seconds(3),
        nodeTimeout: Duration = .seconds(15)
    ) {
        self.workers = workers
        self.memoryBudget = memoryBudget
        self.taskTimeout = taskTimeout
        self.drainTimeout = drainTimeout
        self.parameterMode = parameterMode
        self.hasStorage = hasStorage
        self.heartbeat = heartbeat
        self.nodeTimeout = nodeTimeout
    }
}

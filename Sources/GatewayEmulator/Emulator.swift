// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import Hummingbird
public import Logging
import NIOCore
import Synchronization

/// The vendors, emulated: strict about what they reject, drawing real pictures, failing on demand.
///
/// One listener serves every vendor, each behind its ``basePath(of:)``; the emulator's own settings and ledger are under
/// `/_emulator/…`. A key is good when it begins with `emulated-`.
///
/// ## The command `emulate`
/// ``application(host:port:)`` is a service: give it to the `ServiceGroup` that handles the signals.
///
/// ## The gateway's demonstration
/// `serve --demo` runs the emulator in the same process, on a free loopback port:
/// ```swift
/// let emulator = try Emulator(settings: .demo, logger: logger)
/// let application = emulator.application()
/// try await withThrowingTaskGroup { group in
///     group.addTask { try await application.run() }
///     let base = "http://127.0.0.1:\(try await emulator.port())"
///     // Build the gateway with base and `Emulator.basePath(of: kind)` as `base_url`, `emulated-demo` as key and
///     // `allow_private_network: true`, run its services, then cancel the group.
/// }
/// ```
/// The emulator needs no port known before, and must be running before the gateway asks its providers whether they are
/// ready. It closes at once when it is told to, whatever its vendors are about to say.
public final class Emulator: Sendable {
    private struct Listening {
        var port: Int?
        var waiting: [Int: CheckedContinuation<Int, any Error>] = [:]
        var nextNumber = 0
    }

    private let stage: Stage
    private let initial: EmulatorSettings
    private let logger: Logger
    private let listening = Mutex(Listening())

    /// Creates an emulator; nothing listens yet.
    ///
    /// - Parameters:
    ///   - settings: What the vendors do, until it is changed.
    ///   - time: Where latencies pass.
    ///   - cacheBytes: How many bytes of drawn pictures are kept for equal calls.
    ///   - drawings: How many pictures are drawn at one moment, each on a thread of its own.
    ///   - logger: Where calls are noted, at `debug`; neither prompts nor keys.
    /// - Throws: ``EmulatorSettingsError`` for settings that name an unknown fault or a value out of range.
    public init(
        settings: EmulatorSettings = EmulatorSettings(),
        time: any TimeSource = SystemTime(),
        cacheBytes: Int = 192 << 20,
        drawings: Int = 2,
        logger: Logger = Logger(label: "emulator")
    ) throws(EmulatorSettingsError) {
        try settings.check()
        initial = settings
        self.logger = logger
        let studio = PictureStudio(lanes: drawings, cacheBytes: cacheBytes)
        stage = Stage(settings: settings, time: time, studio: studio, logger: logger)
    }

    /// What stands behind the emulator's address in the base URL of a kind of vendor; `nil` for a kind it does not play.
    public static func basePath(of kind: String) -> String? {
        FaultCatalog.players.first { $0.names.contains(kind) }?.basePath
    }

    /// The settings that hold now.
    public var settings: EmulatorSettings { stage.settings }

    /// Changes what the vendors do from the next call on.
    ///
    /// - Throws: ``EmulatorSettingsError`` for settings that cannot be; the old ones stay.
    public func change(_ settings: EmulatorSettings) throws(EmulatorSettingsError) {
        try settings.check()
        stage.settings = settings
    }

    /// What the vendors would have billed so far.
    public var ledger: LedgerReport { stage.ledger.report }

    /// Clears the ledger; calls that run now are not counted in the new one.
    public func resetLedger() { stage.ledger.reset() }

    /// The server of all vendors, to be run once.
    ///
    /// - Parameters:
    ///   - host: The address to listen on. Whoever reaches it can change the settings: keep it on loopback.
    ///   - port: The port, 0 for a free one; see ``port()``.
    /// - Returns: A service.
    public func application(host: String = "127.0.0.1", port: Int = 0) -> some ApplicationProtocol {
        let router = Router(context: EmulatorContext.self)
        router.add(middleware: FrontEnd())
        ControlRoutes(stage: stage, initial: initial).add(to: router)
        for player in FaultCatalog.players { player.init(stage: stage).addRoutes(to: router) }
        return Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { [self] channel in
                channel.closeFuture.whenComplete { _ in self.stage.bell.ring() }
                if let port = channel.localAddress?.port { opened(port) }
            },
            logger: logger
        )
    }

    /// Waits until the emulator listens, and gives its port.
    ///
    /// - Throws: `CancellationError`, if the task is cancelled while it waits.
    public func port() async throws -> Int {
        let number = listening.withLock { listening in
            listening.nextNumber += 1
            return listening.nextNumber
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = listening.withLock { listening -> Result<Int, any Error>? in
                    if let port = listening.port { return .success(port) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    listening.waiting[number] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiting = listening.withLock { $0.waiting.removeValue(forKey: number) }
            waiting?.resume(throwing: CancellationError())
        }
    }

    private func opened(_ port: Int) {
        let waiting = listening.withLock { listening in
            listening.port = port
            defer { listening.waiting = [:] }
            return Array(listening.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: port) }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many files and connections this process may have open at once.
///
/// A process that has none left cannot even look at its own threads, and its runtime ends it. So the limit is raised as far
/// as the system allows, and callers are let in only while enough is left for everything else; those beyond wait at the
/// door.
struct OpenFiles: Sendable {
    /// How many, all together.
    let limit: Int

    /// More than any gateway has use for; systems that know no limit refuse it.
    private static let most: rlim_t = 1 << 20
    /// What is open besides the work itself: the database, event loops, operators' connections, webhooks, the log.
    private static let others = 192
    /// How many connections operators may have.
    static let operators = 64

    /// Raises the limit of this process.
    @discardableResult
    static func raised() -> OpenFiles {
        var limits = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limits) == 0 else { return OpenFiles(limit: 256) }
        for wish in [most, 10_240].map({ min($0, limits.rlim_max) }) where limits.rlim_cur < wish {
            var raised = limits
            raised.rlim_cur = wish
            if setrlimit(resource, &raised) == 0 { limits = raised }
        }
        return OpenFiles(limit: Int(min(limits.rlim_cur, most)))
    }

    /// How many connections callers may have beside so many calls and transfers, each of which has two ends.
    func callers(beside workers: Int) -> Int { max(limit - Self.others - 2 * workers, limit / 4) }

    /// Tells the operator of a limit that may be felt.
    func tell(_ logger: Logger, workers: Int) {
        guard callers(beside: workers) < 1024 else { return }
        logger.warning(
            """
            The system lets this process open few files; callers beyond so many connections wait until others leave. Raise \
            the limit (ulimit -n, LimitNOFILE), or lower engine.workers.
            """,
            metadata: [
                "limit": .stringConvertible(limit), "connections": .stringConvertible(callers(beside: workers)),
            ]
        )
    }
}

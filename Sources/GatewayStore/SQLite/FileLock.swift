// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The right of one process to use a database file, held until the object is gone.
///
/// The kernel gives it back however the process ends. The lock file stays: removing it would let two processes lock two
/// different files of one name.
final class FileLock: Sendable {
    private let descriptor: CInt

    /// Locks `<path>.lock`.
    init(for path: String) throws(StoreError) {
        // Closed on exec: a child process must not keep the database for itself.
        let descriptor = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            throw StoreError(
                .cannotOpen,
                "The file \(path).lock cannot be made: \(reason). Check the folder's permissions."
            )
        }
        var obstacle = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
        while obstacle == EINTR { obstacle = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno }
        guard obstacle == 0 else {
            close(descriptor)
            throw Self.refusal(path, obstacle)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func refusal(_ path: String, _ obstacle: CInt) -> StoreError {
        guard obstacle == EWOULDBLOCK else {
            let reason = String(cString: strerror(obstacle))
            return StoreError(.cannotOpen, "The file \(path).lock cannot be locked: \(reason). Use a local disk.")
        }
        return StoreError(
            .cannotOpen,
            """
            The task database \(path) is used by another process. Stop that process, or give this one a database \
            of its own (database.url).
            """
        )
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GatewayCore

/// Turns SQLite's result codes into sentences an operator can act on.
struct SQLiteFailure: Sendable {
    let path: String

    /// The error of an operation on an open store.
    func error(_ cause: any Error) -> StoreError {
        if let error = cause as? StoreError { return error }
        guard let cause = cause as? DatabaseError else {
            return StoreError(.unavailable, "The task database \(path) did not answer.", cause: cause)
        }
        let code: StoreError.Code = cause.resultCode == .SQLITE_FULL ? .full : .unavailable
        return StoreError(code, sentence(cause), cause: bare(cause))
    }

    /// The error of opening: whatever it was, the store cannot be opened.
    func opening(_ cause: any Error) -> StoreError {
        let error = error(cause)
        return StoreError(.cannotOpen, error.message, cause: error.cause)
    }

    private func sentence(_ error: DatabaseError) -> String {
        switch error.resultCode {
        case .SQLITE_FULL:
            "No space is left for the task database \(path). Make room on its disk; the gateway goes on by itself then."
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            "Another program holds a lock on the task database \(path). Stop it, or wait until it has finished."
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            "The task database \(path) cannot be written. Check its permissions and how its disk is mounted."
        case .SQLITE_CANTOPEN:
            "The task database \(path) cannot be opened. Check that its folder exists and may be written."
        case .SQLITE_IOERR:
            "The disk of the task database \(path) reported an error (SQLite \(error.extendedResultCode.rawValue))."
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            "The file \(path) is damaged or no SQLite database. Restore it from a backup, or move it away."
        case .SQLITE_MISUSE:
            "The task database \(path) is closed."
        default:
            "The task database \(path) did not do what was asked (SQLite \(error.extendedResultCode.rawValue))."
        }
    }

    /// Without statement and arguments: those hold prompts.
    private func bare(_ error: DatabaseError) -> DatabaseError {
        DatabaseError(resultCode: error.extendedResultCode, message: error.message)
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GRDB
import GRDBSQLite

/// A statement that its connection keeps, bound and run by SQLite's own calls.
///
/// For what runs in every commit: GRDB's arguments are a list of boxes that is made, checked and taken apart each time,
/// which took longer than the statement. Texts are lent to SQLite while it runs, not copied.
struct KeptStatement {
    private let kept: Statement
    private var handle: OpaquePointer { kept.sqliteStatement }

    /// Takes a statement from those that a connection keeps, which ends them when it is closed.
    init(_ sql: String, in db: Database) throws {
        kept = try db.cachedStatement(sql: sql)
    }

    func bind(_ number: Int64?, at place: Int32) {
        if let number { sqlite3_bind_int64(handle, place, number) } else { sqlite3_bind_null(handle, place) }
    }

    /// Binds a text for as long as `body` takes.
    func lend<Value>(_ text: String?, at place: Int32, _ body: () throws -> Value) rethrows -> Value {
        guard var text else {
            sqlite3_bind_null(handle, place)
            return try body()
        }
        return try text.withUTF8 { bytes in
            try lend(bytes, at: place, body)
        }
    }

    /// Binds a text for as long as `body` takes.
    func lend<Value>(_ text: [UInt8], at place: Int32, _ body: () throws -> Value) rethrows -> Value {
        try text.withUnsafeBufferPointer { try lend($0, at: place, body) }
    }

    private func lend<Value>(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at place: Int32,
        _ body: () throws -> Value
    ) rethrows -> Value {
        sqlite3_bind_text64(handle, place, bytes.baseAddress, UInt64(bytes.count), nil, UInt8(SQLITE_UTF8))
        return try body()
    }

    /// Runs it to its end, and forgets what was bound.
    func run(in db: Database) throws {
        var code = sqlite3_step(handle)
        while code == SQLITE_ROW { code = sqlite3_step(handle) }
        try end(code, in: db)
    }

    /// Runs it for the number that is the first column of its first row.
    func number(in db: Database) throws -> Int64? {
        let code = sqlite3_step(handle)
        let number = code == SQLITE_ROW ? sqlite3_column_int64(handle, 0) : nil
        try end(code == SQLITE_ROW ? SQLITE_DONE : code, in: db)
        return number
    }

    /// Runs it for the texts that are the first column of its rows.
    func texts(in db: Database) throws -> [String] {
        var texts: [String] = []
        var code = sqlite3_step(handle)
        while code == SQLITE_ROW {
            if let text = sqlite3_column_text(handle, 0) { texts.append(String(cString: text)) }
            code = sqlite3_step(handle)
        }
        try end(code, in: db)
        return texts
    }

    private func end(_ code: Int32, in db: Database) throws {
        let isDone = code == SQLITE_DONE
        // Before anything else is called, which would have the last word.
        let message = isDone ? nil : String(cString: sqlite3_errmsg(db.sqliteConnection))
        sqlite3_reset(handle)
        // What was lent is not there any more.
        sqlite3_clear_bindings(handle)
        guard isDone else { throw DatabaseError(resultCode: ResultCode(rawValue: code), message: message) }
    }
}

extension Database {
    /// Has told how many pages the log holds after each commit of this connection, for as long as that lives.
    func tellLogLength(to length: LogLength) {
        sqlite3_wal_hook(
            sqliteConnection,
            { context, _, _, pages in
                context.map { Unmanaged<LogLength>.fromOpaque($0).takeUnretainedValue().set(Int(pages)) }
                return SQLITE_OK
            },
            Unmanaged.passUnretained(length).toOpaque()
        )
    }

    /// Waits until what was written to the file is on its disk.
    func syncFile() throws {
        var file: UnsafeMutablePointer<sqlite3_file>?
        sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file)
        guard let file, let sync = file.pointee.pMethods?.pointee.xSync else {
            throw DatabaseError(resultCode: .SQLITE_MISUSE)
        }
        let code = sync(file, SQLITE_SYNC_NORMAL)
        guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// One index less to be written with each task.
enum Migration005Lists {
    static let name = "005_lists"

    /// A list of all of an owner's tasks is merged from those of each status, as fast as from an index of its own, which was
    /// every ninth page of a commit.
    static let sql = "DROP INDEX tasks_by_owner;"
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What vendors would have billed, and how they were asked.
///
/// A call is one that passed the vendor's checks. It is billed when a picture was made for it, whether or not the
/// answer then reached anybody.
public struct LedgerReport: Sendable, Equatable {
    /// Totals of a vendor, or of all.
    public struct Totals: Sendable, Equatable {
        /// Calls that passed the vendor's checks.
        public var calls = 0
        /// Calls that were refused by them: bad keys, unknown models, bad parameters.
        public var refused = 0
        /// Calls for which at least one picture was made.
        public var callsBilled = 0
        /// Pictures that were made.
        public var picturesBilled = 0
        /// Calls being worked on now.
        public var running = 0
        /// The most calls that were worked on at one moment.
        public var maxRunning = 0
    }

    /// What one prompt cost at one model.
    public struct Entry: Sendable, Equatable {
        /// The vendor.
        public var vendor: String
        /// The vendor's name of the model.
        public var model: String
        /// The prompt as it was sent, its first 500 characters.
        public var prompt: String
        /// Calls that passed the vendor's checks.
        public var calls: Int
        /// Calls for which at least one picture was made.
        public var callsBilled: Int
        /// Pictures that were made.
        public var picturesBilled: Int
        /// The checksums (CRC-32, in hexadecimal) of the pictures that came with its latest call, in order.
        public var inputs: [String] = []
    }

    /// All vendors together.
    public var totals = Totals()
    /// Each vendor, by name.
    public var vendors: [String: Totals] = [:]
    /// Each prompt, in the order of its first call.
    public var entries: [Entry] = []

    /// The entries of a prompt, whatever the vendor.
    public func entries(prompt: String) -> [Entry] {
        let shown = BillingLedger.shown(prompt)
        return entries.filter { $0.prompt == shown }
    }
}

extension LedgerReport {
    /// The report as `GET /_emulator/ledger` shows it.
    var json: JSON {
        var members = totals.members
        members.append(
            .init(
                "vendors",
                .object(vendors.sorted { $0.key < $1.key }.map { .init($0.key, .object($0.value.members)) })
            )
        )
        members.append(.init("entries", .array(entries.map(\.json))))
        return .object(members)
    }
}

extension LedgerReport.Totals {
    fileprivate var members: [JSON.Member] {
        [
            .init("calls", JSON(calls)),
            .init("refused", JSON(refused)),
            .init("calls_billed", JSON(callsBilled)),
            .init("pictures_billed", JSON(picturesBilled)),
            .init("running", JSON(running)),
            .init("max_running", JSON(maxRunning)),
        ]
    }
}

extension LedgerReport.Entry {
    fileprivate var json: JSON {
        JSON(present: [
            "vendor": JSON(vendor), "model": JSON(model), "prompt": JSON(prompt), "calls": JSON(calls),
            "calls_billed": JSON(callsBilled), "pictures_billed": JSON(picturesBilled),
            "inputs": inputs.isEmpty ? nil : .array(inputs.map { JSON($0) }),
        ])
    }
}

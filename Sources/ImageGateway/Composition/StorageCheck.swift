// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayObjects
import HTTPTypes
import NIOCore

extension GatewayCheck {
    /// Writes, signs, fetches, compares and deletes a small object, as a picture would be.
    ///
    /// The link is followed as a caller does it, without credentials. A folder that no gateway has used yet is not begun:
    /// the same is tried in a folder beside or inside it, which is removed again.
    public func checkStorage() async -> Result {
        let name = "storage"
        do throws(ObjectError) {
            switch configuration.storage {
            case .none: return Result(name: name, mistake: nil, detail: "none: only synchronous b64_json works")
            case .local(let path): return try await checkFolder(path)
            default:
                let (objects, _) = try Gateway.storage(configuration, transport: transport, time: time, logger: logger)
                let trial = StorageTrial(check: self, objects: objects, files: nil)
                return Result(name: name, mistake: nil, detail: try await trial.run())
            }
        } catch {
            let isMisconfigured = error.code == .misconfigured
            return Result(name: name, mistake: error.message, detail: "", isMisconfigured: isMisconfigured)
        }
    }

    private func checkFolder(_ path: String) async throws(ObjectError) -> Result {
        let files = FileManager.default
        // A gateway was here: its folder can be used as it is.
        let isInUse = files.fileExists(atPath: "\(path)/link.key")
        let place = isInUse ? path : "\(Self.nearest(to: path))/image-gateway-check-\(UUID().uuidString)"
        defer { if !isInUse { try? files.removeItem(atPath: place) } }
        let store = try LocalObjectStore(path: place, publicURL: configuration.server.linkBase)
        let trial = StorageTrial(check: self, objects: store, files: store, isServed: isInUse)
        let detail = try await trial.run()
        return Result(
            name: "storage",
            mistake: nil,
            detail: isInUse ? detail : "\(detail); \(path) will be made when the gateway is started"
        )
    }

    /// The folder itself, or the first above it that is there.
    private static func nearest(to path: String) -> String {
        var place = path
        while !place.isEmpty, !FileManager.default.fileExists(atPath: place) {
            place = (place as NSString).deletingLastPathComponent
        }
        return place.isEmpty ? "." : place
    }
}

/// One test object on its way through a storage.
struct StorageTrial {
    let check: GatewayCheck
    let objects: any ObjectStore
    /// The files of a local store: their links are answered by the gateway, which need not run.
    let files: (any LinkedFiles)?
    /// Whether a gateway that runs would serve that very folder.
    var isServed = false

    private static let type = "image/png"

    /// Goes all the way, and says in a few words what was done.
    ///
    /// - Throws: ``ObjectError`` with a sentence that says what is wrong.
    func run() async throws(ObjectError) -> String {
        let mark = String(UInt64.random(in: .min ... .max), radix: 36)
        guard let key = ObjectKey("check/\(mark).png") else { return "" }
        let bytes = ByteBuffer(string: "image-gateway check \(mark)\n")
        try await objects.put(ObjectBody(contentType: Self.type, buffers: [bytes]), at: key)
        var notes: [String] = []
        do throws(ObjectError) {
            notes = try await follow(key, expecting: bytes)
        } catch {
            // What can be cleaned up is, but the first mistake is the one to tell.
            try? await objects.delete(key)
            throw error
        }
        do throws(ObjectError) {
            try await objects.delete(key)
        } catch {
            throw ObjectError(
                error.code,
                isTemporary: error.isTemporary,
                "The test object check/\(mark).png could not be deleted: \(error.message)"
            )
        }
        return (["wrote, signed, fetched and deleted a test object"] + notes).joined(separator: "; ")
    }

    private func follow(_ key: ObjectKey, expecting bytes: ByteBuffer) async throws(ObjectError) -> [String] {
        let lifetime = check.configuration.linkLifetime
        let link = try objects.link(to: key, signedAt: check.time.now, lifetime: lifetime)
        guard let files else { return try await fetch(link, expecting: bytes) }
        let parts = link.dropFirst("\(check.configuration.server.linkBase)/files/".count).split(separator: "?")
        let file = try await files.open(path: String(parts[0]), query: String(parts[1]), now: check.time.now)
        try Self.compare(try await file.read(0, file.length), bytes, at: "something on the way")
        return isServed ? [await visit(link, expecting: bytes)] : []
    }

    /// What a caller would get who follows a link to the gateway: nothing, if it does not run.
    private func visit(_ link: String, expecting bytes: ByteBuffer) async -> String {
        let limits = TransportLimits(connect: .seconds(3), total: .seconds(5), responseBytes: 1 << 20)
        guard let answer = try? await check.transport.send(TransportRequest(.get, link, limits: limits)) else {
            return
                "nothing answers at \(check.configuration.server.linkBase), where links lead: the gateway does not run"
        }
        return answer.status == 200 && answer.body == bytes
            ? "links work at \(check.configuration.server.linkBase)"
            : "beware: something else answers at \(check.configuration.server.linkBase) (HTTP \(answer.status)): see "
                + "server.public_url"
    }

    /// Fetches as a caller does.
    private func fetch(_ link: String, expecting bytes: ByteBuffer) async throws(ObjectError) -> [String] {
        let asked = check.time.now
        let answer = try await send(link)
        let lead = answer.headers[.date].flatMap(Timestamp.init(httpDate:)).map { asked.duration(to: $0) }
        guard answer.status == 200 else { throw refusal(answer, asked) }
        try Self.compare(answer.body, bytes, at: "what answers at \(place)")
        var notes: [String] = []
        if let lead, abs(lead.milliseconds) >= 60_000 {
            let seconds = abs(lead.milliseconds) / 1000
            notes.append("this machine's clock is \(seconds) seconds \(lead < .zero ? "ahead" : "behind"): use NTP")
        }
        if let type = answer.headers[.contentType], !type.hasPrefix(Self.type) {
            notes.append("the storage changes the media type: see storage.link_content_type")
        }
        if try await send(String(link.prefix { $0 != "?" })).status == 200 {
            notes.append("beware: the bucket is public, pictures can be had without a link")
        }
        return notes
    }

    private func send(_ link: String) async throws(ObjectError) -> TransportResponse {
        let limits = TransportLimits(total: .seconds(30), responseBytes: 1 << 20)
        do throws(TransportError) {
            return try await check.transport.send(
                TransportRequest(.get, link, limits: limits, isRepeatable: true)
            )
        } catch {
            let reason =
                switch error.code {
                case .nameNotResolved: "its name has no address"
                case .notConnected: "nothing listens there, or a firewall is in between"
                case .tls: "its certificate or TLS version is not accepted"
                case .timedOut: "it does not answer in time"
                default: error.code.rawValue
                }
            throw ObjectError(
                .unavailable,
                isTemporary: true,
                "The host of links (\(place)) cannot be reached, \(reason): callers could not fetch pictures."
            )
        }
    }

    private func refusal(_ answer: TransportResponse, _ asked: Timestamp) -> ObjectError {
        let explained = (objects as? any LinkExplaining)?.explanation(of: answer, asked: asked)
        let reason = belated(answer, asked) ?? explained?.message ?? "HTTP \(answer.status) at \(place)."
        return ObjectError(explained?.code ?? .denied, isTemporary: false, "The link does not work: \(reason)")
    }

    /// A link that was over when it was made: by the clock of the storage, which need not be far off to say so.
    private func belated(_ answer: TransportResponse, _ asked: Timestamp) -> String? {
        guard [400, 401, 403].contains(answer.status),
            let theirs = answer.headers[.date].flatMap(Timestamp.init(httpDate:)),
            asked.duration(to: theirs) >= check.configuration.linkLifetime
        else { return nil }
        let seconds = asked.duration(to: theirs).milliseconds / 1000
        return "this machine's clock is \(seconds) seconds behind, so links are over before they are made: set it, "
            + "best by NTP."
    }

    /// The key that says where links go.
    private var place: String {
        let hasOwn =
            switch check.configuration.storage {
            case .s3(let bucket): bucket.publicEndpoint != nil
            case .oss(let bucket): bucket.publicEndpoint != nil
            case .local, .none: false
            }
        return hasOwn ? "storage.public_endpoint" : "storage.endpoint"
    }

    private static func compare(
        _ found: ByteBuffer,
        _ wanted: ByteBuffer,
        at place: String
    ) throws(ObjectError) {
        guard found != wanted else { return }
        throw ObjectError(
            .misconfigured,
            isTemporary: false,
            "What the link gives is not what was written: \(place) changes it, or answers in the storage's stead."
        )
    }
}

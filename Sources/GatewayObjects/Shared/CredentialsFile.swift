// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Credentials in a file that somebody else renews.
///
/// The file is looked at when credentials are needed, at most once a second, and read when it has changed. A file that is
/// gone, half written or wrong leaves the credentials as they were, and is complained about once.
final class CredentialsFile: Sendable {
    /// What tells one version of the file from the next; the time is that of the last change of bytes, name or rights.
    private struct Stamp: Hashable {
        var device, inode: UInt64
        var size: Int64
        var seconds, nanoseconds: Int
    }

    private struct State {
        var credentials: BucketCredentials
        var stamp: Stamp?
        var lookedAt: Timestamp
        var isBroken = false
    }

    private static let pace = Duration.seconds(1)
    private static let limit = 64 << 10

    private let path: String
    private let profile: String
    private let time: any TimeSource
    private let accept: @Sendable (BucketCredentials) -> String?
    private let report: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// Reads the file for the first time.
    ///
    /// - Parameters:
    ///   - path: The file; a symbolic link is followed, as in mounted secrets.
    ///   - profile: The section, where the file is an ini file.
    ///   - time: The clock.
    ///   - accept: Says what is wrong with credentials that can be read; `nil` if they may be used.
    ///   - report: Takes the complaints that come later, a sentence each.
    /// - Throws: ``ObjectError`` with `misconfigured` if there are no credentials to begin with.
    init(
        path: String,
        profile: String,
        time: any TimeSource,
        accept: @escaping @Sendable (BucketCredentials) -> String?,
        report: @escaping @Sendable (String) -> Void
    ) throws(ObjectError) {
        self.path = path
        self.profile = profile
        self.time = time
        self.accept = accept
        self.report = report
        do throws(CredentialsText.Mistake) {
            let (credentials, stamp) = try Self.read(path, profile)
            state = Mutex(State(credentials: credentials, stamp: stamp, lookedAt: time.now))
        } catch {
            throw ObjectError(
                .misconfigured,
                isTemporary: false,
                "storage.credentials_file cannot be used: \(error.reason)."
            )
        }
    }

    /// The credentials of this moment.
    var current: BucketCredentials {
        let (credentials, complaint) = state.withLock { state -> (BucketCredentials, String?) in
            let now = time.now
            // A clock that was set back must not stop the looking.
            let pause = state.lookedAt.duration(to: now)
            guard pause >= Self.pace || pause < .zero else { return (state.credentials, nil) }
            state.lookedAt = now
            let complaint = renew(&state)
            return (state.credentials, complaint)
        }
        if let complaint { report(complaint) }
        return credentials
    }

    /// Takes over what has changed; gives a complaint if that is news.
    private func renew(_ state: inout State) -> String? {
        let reason: String
        do throws(CredentialsText.Mistake) {
            let stamp = Self.stamp(path)
            guard stamp == nil || stamp != state.stamp else { return nil }
            state.stamp = stamp
            let credentials = try Self.read(path, profile).0
            if let mistake = accept(credentials) { throw CredentialsText.Mistake(reason: mistake) }
            state.credentials = credentials
            state.isBroken = false
            return nil
        } catch {
            reason = error.reason
        }
        defer { state.isBroken = true }
        return state.isBroken
            ? nil : "storage.credentials_file cannot be used, so the credentials stay as they were: \(reason)."
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        return stat(path, &status) == 0 ? stamp(status) : nil
    }

    private static func read(
        _ path: String,
        _ profile: String
    ) throws(CredentialsText.Mistake) -> (BucketCredentials, Stamp) {
        let bytes: ByteBuffer
        let status: stat
        do throws(SystemFailure) {
            let file = try Descriptor.file(at: path)
            status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG else { throw SystemFailure(code: EINVAL, action: "read") }
            bytes = try file.read(at: 0, count: limit + 1)
        } catch {
            throw refusal(error.code)
        }
        guard bytes.readableBytes <= limit else { throw CredentialsText.Mistake(reason: "it is larger than 64 KiB") }
        return (try CredentialsText.read(bytes, profile: profile), stamp(status))
    }

    private static func stamp(_ status: stat) -> Stamp {
        #if canImport(Glibc)
            let changed = status.st_ctim
        #else
            let changed = status.st_ctimespec
        #endif
        return Stamp(
            device: UInt64(truncatingIfNeeded: status.st_dev),
            inode: UInt64(truncatingIfNeeded: status.st_ino),
            size: Int64(status.st_size),
            seconds: changed.tv_sec,
            nanoseconds: changed.tv_nsec
        )
    }

    private static func refusal(_ code: CInt) -> CredentialsText.Mistake {
        switch code {
        case ENOENT, ENOTDIR: .init(reason: "there is no such file")
        case EACCES, EPERM: .init(reason: "the gateway may not read it")
        case EINVAL, EISDIR: .init(reason: "it is no plain file")
        default: .init(reason: "the system refuses to read it (error \(code))")
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Signs the links of a local store and checks them: `KEY?expires=UNIXSECONDS&signature=BASE64URL`.
///
/// The signature is the HMAC-SHA256 of a name for this use, the key and the end of the link's life.
struct LinkSigner: Sendable {
    private static let secretLength = 32

    private let secret: [UInt8]

    init(secret: [UInt8]) {
        self.secret = secret
    }

    /// Signs a link to an object until a moment.
    func sign(_ key: ObjectKey, expires: Int64) throws(ObjectError) -> String {
        "\(key)?expires=\(expires)&signature=\(try signature(of: key, expires: expires))"
    }

    /// The object a link leads to, if the link is right and alive.
    ///
    /// The signature is checked before the time, so that a made-up link learns nothing.
    func verify(path: String, query: String, now: Timestamp) throws(ObjectError) -> ObjectKey {
        guard let key = Escaping.unescape(path).flatMap(ObjectKey.init), let (expires, given) = Self.read(query) else {
            throw Self.invalid
        }
        let right = try signature(of: key, expires: expires)
        guard Digest.areEqual(Array(right.utf8), Array(given.utf8)) else { throw Self.invalid }
        guard now < Timestamp(seconds: expires) else {
            throw ObjectError(.forbidden, isTemporary: false, "The link has expired.")
        }
        return key
    }

    private func signature(of key: ObjectKey, expires: Int64) throws(ObjectError) -> String {
        Digest.base64URL(try Digest.hmac(key: secret, "image-gateway link 1\n\(key)\n\(expires)"))
    }

    /// Takes exactly the two parameters, each once; a number in one spelling only.
    private static func read(_ query: String) -> (expires: Int64, signature: String)? {
        let pairs = query.split(separator: "&", omittingEmptySubsequences: false)
        guard pairs.count == 2 else { return nil }
        let values = ["expires=", "signature="].compactMap { name in
            pairs.first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.utf8.count)) }
        }
        // Far beyond any life a link is given, and small enough to count in milliseconds.
        guard values.count == 2, let expires = Int64(values[0]), (0...99_999_999_999).contains(expires),
            String(expires) == values[0]
        else { return nil }
        return (expires, values[1])
    }

    private static let invalid = ObjectError(.forbidden, isTemporary: false, "The link is not valid.")
}

extension LinkSigner {
    /// Takes the secret from `link.key`; makes the file at the first start.
    ///
    /// Several gateways may start at once on one folder: the file gets its name whole, and only if there is none yet.
    init(keptIn folder: PictureFolder) throws(ObjectError) {
        let name = "link.key"
        do throws(SystemFailure) {
            if try !Self.exists(name, in: folder.root) {
                let part = try folder.incoming.write([ByteBuffer(bytes: try Self.freshSecret())], mode: 0o600)
                defer { folder.incoming.discard(part) }
                let result = linkat(folder.incoming.folder.number, part.name, folder.root.number, name, 0)
                let code = errno
                guard result == 0 || code == EEXIST else { throw SystemFailure(code: code, action: "create link.key") }
                try folder.root.synchronize()
            }
            secret = try Self.read(name, in: folder.root)
        } catch {
            throw ObjectError(
                .misconfigured,
                isTemporary: false,
                "link.key in storage.path cannot be read (error \(error.code)): it must be a plain file that the gateway "
                    + "may read.",
                cause: error
            )
        }
        guard secret.count >= Self.secretLength else {
            throw ObjectError(
                .misconfigured,
                isTemporary: false,
                "link.key in storage.path has fewer than \(Self.secretLength) bytes: restore it, or delete it to have "
                    + "a new one made; links that were handed out then end."
            )
        }
    }

    private static func exists(_ name: String, in folder: Descriptor) throws(SystemFailure) -> Bool {
        do {
            try SystemFailure.check("look for link.key") { faccessat(folder.number, name, F_OK, AT_SYMLINK_NOFOLLOW) }
            return true
        } catch {
            guard error.code == ENOENT else { throw error }
            return false
        }
    }

    private static func freshSecret() throws(SystemFailure) -> [UInt8] {
        do {
            return try Digest.random(secretLength)
        } catch {
            throw SystemFailure(code: EAGAIN, action: "draw a secret")
        }
    }

    /// Reads the secret, and takes reading rights of others away where the file system knows rights.
    private static func read(_ name: String, in folder: Descriptor) throws(SystemFailure) -> [UInt8] {
        let file = try folder.file(name)
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemFailure(code: EINVAL, action: "read link.key") }
        if status.st_mode & 0o077 != 0 { fchmod(file.number, 0o600) }
        return Array(try file.read(at: 0, count: 1024).readableBytesView)
    }
}

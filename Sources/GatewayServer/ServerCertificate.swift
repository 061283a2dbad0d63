// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import HummingbirdTLS
import NIOSSL

/// The files a listener speaks TLS with.
public struct ServerCertificate: Sendable {
    /// The certificate and those that lead to a known authority, in PEM form.
    public var certificateFile: String
    /// The private key, in PEM form.
    public var privateKeyFile: String

    /// Names the files; they are read when the listener is made.
    public init(certificateFile: String, privateKeyFile: String) {
        self.certificateFile = certificateFile
        self.privateKeyFile = privateKeyFile
    }

    func wrap(_ plain: HTTPServerBuilder) throws(ServerCertificateError) -> HTTPServerBuilder {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificateFile).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: privateKeyFile, format: .pem)
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain,
                privateKey: .privateKey(key)
            )
            return try .tls(plain, tlsConfiguration: configuration)
        } catch {
            throw ServerCertificateError(
                message: "server.tls: \(certificateFile) and \(privateKeyFile) cannot be used as certificate and key."
            )
        }
    }
}

/// Why a listener cannot speak TLS.
public struct ServerCertificateError: Error, Sendable {
    /// One sentence for the operator.
    public var message: String
}

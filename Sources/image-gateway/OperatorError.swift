// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayServer
import ImageGateway
import NIOCore

/// Turns the errors of starting up into a sentence and a status.
enum OperatorError {
    static let noProviders =
        "There is no provider: set \(keyVariables), name one in image-gateway.yaml, or try 'image-gateway serve --demo'."

    /// Where keys are looked for without a configuration file: `A, B or C`.
    static var keyVariables: String {
        var names: [String] = []
        for vendor in GatewayConfiguration.knownVendors where !names.contains(vendor.descriptor.keyVariable) {
            names.append(vendor.descriptor.keyVariable)
        }
        guard let last = names.popLast() else { return "" }
        return names.isEmpty ? last : "\(names.joined(separator: ", ")) or \(last)"
    }

    static func explained<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as StoreError {
            throw CommandFailure(
                error.message,
                status: error.code == .cannotOpen ? ExitStatus.usage : ExitStatus.failed
            )
        } catch let error as ObjectError {
            throw CommandFailure(
                error.message,
                status: error.code == .misconfigured ? ExitStatus.usage : ExitStatus.failed
            )
        } catch let error as TransportError {
            throw CommandFailure(error.message)
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw CommandFailure(
                "The address is in use by another program: see server.listen and server.admin_listen, or --listen.",
                status: ExitStatus.usage
            )
        } catch let error as ServerCertificateError {
            throw CommandFailure(error.message, status: ExitStatus.usage)
        }
    }
}

extension Result where Failure == any Error {
    /// What an asynchronous piece of work gave.
    init(_ body: () async throws -> Success) async {
        do {
            self = .success(try await body())
        } catch {
            self = .failure(error)
        }
    }
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl
package import GatewayCore
import Glibc

/// Looks at each address an exchange is about to connect to.
///
/// libcurl asks for the socket with the address in hand, and gives the same bytes to `connect` next: no lookup of a name,
/// no cache and no spelling lies in between. A refused address costs one step of its list of addresses; the next one is
/// tried, and asked about, in the same way.
///
/// Belongs to one exchange and is used on the loop's thread only.
package final class CurlGate {
    private var rule = AddressRule.everything
    private var opened = 0
    private var refused = 0
    private var overrides: UnsafeMutablePointer<curl_slist>?

    /// The exchange lets go of its handle before it lets go of this.
    deinit {
        curl_slist_free_all(overrides)
    }

    /// The error of an exchange that had nowhere else to go.
    var verdict: (TransportError.Code, String)? {
        refused > 0 && opened == 0 ? (.addressRefused, "The address is not one that may be connected to.") : nil
    }

    /// Puts itself into a handle, if there is a rule to keep.
    func install(_ handle: UnsafeMutableRawPointer, _ settings: CurlSettings) {
        for line in settings.nameOverrides?() ?? [] { overrides = curl_slist_append(overrides, line) ?? overrides }
        if let overrides { gateway_curl_set_pointer(handle, CURLOPT_RESOLVE, overrides) }
        rule = settings.addressRule
        guard !rule.admitsEverything else { return }
        // Behind a proxy the address that counts would be the proxy's own, and it would resolve the name itself.
        gateway_curl_set_string(handle, CURLOPT_PROXY, "")
        gateway_curl_set_string(handle, CURLOPT_NOPROXY, "*")
        gateway_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, Unmanaged.passUnretained(self).toOpaque())
        gateway_curl_set_open_socket_function(handle) { gate, _, address in
            guard let gate, let address else { return CURL_SOCKET_BAD }
            return Unmanaged<CurlGate>.fromOpaque(gate).takeUnretainedValue().open(address)
        }
    }

    /// Makes the socket for an address, or refuses.
    private func open(_ address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        guard let found = Self.read(UnsafeRawPointer(address)), rule.admits(found) else {
            refused += 1
            return CURL_SOCKET_BAD
        }
        opened += 1
        let kind = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
        return socket(address.pointee.family, kind, address.pointee.protocol)
    }

    /// The IP address in a `curl_sockaddr`; `nil` for any other kind, which no rule admits.
    package static func read(_ memory: UnsafeRawPointer) -> IPAddress? {
        let address = memory.assumingMemoryBound(to: curl_sockaddr.self)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            bytes.initialize(repeating: 0)
            // The shim fills at most the 16 bytes that are here; why it reads no more than is there is said there.
            guard let target = bytes.baseAddress else { return nil }
            return IPAddress(bytes: bytes.prefix(Int(gateway_curl_address_bytes(address, target))))
        }
    }
}

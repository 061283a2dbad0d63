// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc
import Testing

@Suite struct AddressRuleTests {
    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
        "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0",
        "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1",
        "2001:ffff::1", "2003::1", "2606:4700::1111", "2a00:1450::1", "3ffe:ffff::1", "3fff:1000::1",
    ])
    func `public addresses are admitted, up to the borders of what is not`(text: String) throws {
        let address = try #require(IPAddress(text))

        #expect(AddressRule.publicOnly.admits(address))
    }

    @Test(arguments: [
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0",
        "127.255.255.255", "168.63.129.16", "169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255",
        "192.0.0.0", "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0",
        "203.0.113.255", "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255", "::", "::1", "::2",
        "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::a00:1",
        "64:ff9b:0:0:0:1:808:808", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff::1", "100::1", "1fff:ffff::1", "2001::1",
        "2001:1::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1",
        "2001:db8:ffff:ffff::1", "2002::1", "2002:808:808::1", "3fff::1", "3fff:fff:ffff::1", "4000::1", "5f00::1",
        "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "ffff::1",
    ])
    func `everything else is refused`(text: String) throws {
        let address = try #require(IPAddress(text))

        #expect(!AddressRule.publicOnly.admits(address))
        #expect(AddressRule.everything.admits(address))
    }

    @Test func `an allowed network is admitted, however its addresses are spelled, and nothing beside it`() throws {
        let blocks = try ["10.1.0.0/16", "fd00:1::/32", "192.168.7.7"].map { try #require(NetworkBlock($0)) }
        let rule = AddressRule(allowing: blocks)

        for text in ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fd00:1::9", "192.168.7.7", "8.8.8.8"] {
            #expect(rule.admits(try #require(IPAddress(text))), "\(text)")
        }
        // A translator's network is another one than ours, even for the same number.
        for text in ["10.0.255.255", "10.2.0.0", "192.168.7.8", "fd00:2::", "127.0.0.1", "64:ff9b::10.1.2.3"] {
            #expect(!rule.admits(try #require(IPAddress(text))), "\(text)")
        }
    }

    @Test(arguments: ["0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.1", "10.0.0.1/32", "fd00::/8", "::1", "::ffff:0:0/96"])
    func `a block is read`(text: String) throws { #expect(NetworkBlock(text) != nil) }

    @Test(arguments: [
        "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.1/8", "10.0.0/8",
        "10.0.0.0/8/8", "::1/129", "fd00::1/8", "localhost", "example.com/8", " 10.0.0.0/8", "[::1]", "fe80::1%eth0",
        "::ffff:0:0/95", "10.0.0.0/255.0.0.0",
    ])
    func `what is no block is refused, also one that goes on behind its length`(text: String) {
        #expect(NetworkBlock(text) == nil)
    }

    @Test func `a block of mapped addresses is one of IPv4`() throws {
        #expect(NetworkBlock("::ffff:10.0.0.0/104") == NetworkBlock("10.0.0.0/8"))
        #expect(NetworkBlock("10.0.0.0/8")?.description == "10.0.0.0/8")
    }

    @Test(arguments: [
        "1.2.3.4", "0.0.0.0", "255.255.255.255", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "::1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4", "::ffff:1.2.3.4", "ABCD:ef::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "0:0::0:0",
    ])
    func `addresses are read as the system reads them`(text: String) throws {
        var bytes = [UInt8](repeating: 0, count: 16)
        let family = text.contains(":") ? AF_INET6 : AF_INET
        #expect(inet_pton(family, text, &bytes) == 1)

        #expect(IPAddress(text) == IPAddress(bytes: bytes.prefix(family == AF_INET ? 4 : 16)))
        #expect(IPAddress(text).flatMap { IPAddress($0.description) } == IPAddress(text))
    }

    @Test(arguments: [
        "", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.04",
        "256.1.1.1",
        "1.2.3.0x4", "0x7f.0.0.1", "+1.2.3.4", "-1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "١.٢.٣.٤", "1:2:3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::12345", "::g", "::+1", "::1.2.3", "1.2.3.4::",
        "::1.2.3.4:1",
        "1:2:3:4:5:6:7:1.2.3.4", "[::1]", "::1%lo", "::1/128", "1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
        "::ffff:127.1",
    ])
    func `what is none is none`(text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        #expect(inet_pton(AF_INET, text, &bytes) != 1 && inet_pton(AF_INET6, text, &bytes) != 1)

        #expect(IPAddress(text) == nil)
    }

    @Test func `an address has four or sixteen bytes`() {
        #expect(IPAddress(bytes: [127, 0, 0, 1]) == IPAddress("127.0.0.1"))
        for count in [0, 1, 3, 5, 15, 17] { #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil) }
    }
}

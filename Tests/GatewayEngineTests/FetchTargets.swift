// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

/// Hosts that must never be connected to, in every spelling we know.
enum FetchTargets {
    /// Spellings that libcurl itself takes for this machine: without the rule, a connection would be made.
    static let loopback = [
        "127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "127.127.127.127", "2130706433", "017700000001", "0x7f000001",
        "0x7F.0.0.1", "0177.0.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1", "127.0x0.0.01", "127.000.000.001",
        "0.0.0.0", "0", "0x0", "%31%32%37.0.0.1", "127%2E0%2E0%2E1", "localhost", "LOCALHOST", "%6Cocalhost",
        "a.b.localhost",

        "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]", "[::FFFF:127.0.0.1]", "[::ffff:0.0.0.0]", "[::1%25lo]",
    ]

    /// Spellings of other places: private, of carriers, link-local, special, metadata services, transition ranges.
    static let elsewhere = [
        "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "0xC0A80001", "0300.0250.1",
        "100.64.0.1", "100.127.255.254", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.51.100.1", "203.0.113.9",
        "192.88.99.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "169.254.43518", "169.16689662",
        "169.254.170.2", "169.254.170.23", "169.254.0.23", "168.63.129.16", "169.254.1.1",
        "0.1.2.3", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[::ffff:10.0.0.1]", "[::127.0.0.1]",
        "[::7f00:1]", "[::8.8.8.8]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]",
        "[64:ff9b::a00:1]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1::808:808]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
        "[2002:808:808::1]", "[2001:0:53aa:64c:0:0:80ff:fffe]", "[2001::1]", "[2001:2::1]", "[2001:10::1]",
        "[2001:20::1]", "[2001:db8::1]", "[3fff::1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::a9fe:a9fe%251]",
        "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[fd20:ce::254]", "[fd00:c1::a9fe:a9fe]", "[ff02::1]", "[ff0e::1]",
        "[100::1]", "[5f00::1]", "[4000::1]", "[::ffff:0:7f00:1]",
    ]

    /// Spellings that lead to this machine where the system's resolver or locale takes them for it, and nowhere else.
    static let dependent = [
        "127.0.0.1.", "localhost.", "169.254.169.254.", "%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1",
        "%E2%91%A0%E2%91%A1%E2%91%A6.%E2%93%AA.%E2%93%AA.%E2%91%A0", "127%E3%80%820%E3%80%820%E3%80%821",
    ]

    /// URLs that no program needs to agree about, with `PORT` where the listening port goes.
    static let odd = [
        "http://good@127.0.0.1:PORT/", "http://good.example:80@127.0.0.1:PORT/", "http://a:b@c:d@127.0.0.1:PORT/",
        "http://@127.0.0.1:PORT/", "http://:@127.0.0.1:PORT/", "http://good.example@127.0.0.1:PORT/",
        "http://127.0.0.1:PORT\\@good.example/", "http://good.example\\@127.0.0.1:PORT/",
        "http:\\\\127.0.0.1:PORT/", "http://127.0.0.1:PORT#@good.example/", "http://127.0.0.1:PORT?@good.example/",
        "http://good.example%40127.0.0.1:PORT/", "http://good.example%00.127.0.0.1:PORT/",
        "http://good.example\t@127.0.0.1:PORT/", "http://127.0.0.1\n:PORT/", "ht\ntp://127.0.0.1:PORT/",
        " http://127.0.0.1:PORT/", "http://127.0.0.1:PORT/ ", "http://127.0.0.1 :PORT/", "http://127.0.0.1\r\n:PORT/",
        "http://127.0.0.1\u{0}:PORT/", "http://\u{FF11}\u{FF12}\u{FF17}.0.0.1:PORT/",
        "http://\u{2460}\u{2461}\u{2466}.0.0.1:PORT/", "http://127\u{3002}0\u{3002}0\u{3002}1:PORT/",
        "http://loc\u{AD}alhost:PORT/", "http://\u{1D55D}ocalhost:PORT/", "http://xn--127-.0.0.1:PORT/",
        "http://", "http:///", "http:///127.0.0.1:PORT/", "http://:PORT/", "http:127.0.0.1:PORT/",
        "http:/127.0.0.1:PORT/", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "", "http://127.0.0.1:PORT:80/",
        "http://[::1:PORT/", "http://[127.0.0.1]:PORT/", "http://[::1]x:PORT/", "http://[::1%25]:PORT/",
        "http://[v1.127]:PORT/", "http://..:PORT/", "http://.localhost:PORT/", "http://127..0.1:PORT/",
        "file:///etc/passwd", "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/_x", "dict://127.0.0.1:PORT/",
        "ldap://127.0.0.1:PORT/", "unix:///run/docker.sock", "data:image/png;base64,AAAA", "javascript:alert(1)",
        "jar:http://127.0.0.1:PORT/!/", "httpx://127.0.0.1:PORT/", "h\u{442}tp://127.0.0.1:PORT/",
    ]

    /// Names of inner networks and of metadata services; nobody is even asked where they are.
    static let names = [
        "localhost", "LocalHost", "localhost.", "x.localhost", "x.localhost.", "printer", "router.local",
        "metadata", "metadata.google.internal", "metadata.google.internal.", "METADATA.GOOGLE.INTERNAL",
        "metadata.azure.internal", "instance-data", "instance-data.ec2.internal", "metadata.tencentyun.com",
        "rancher-metadata", "kubernetes", "kubernetes.default.svc.cluster.local", "host.docker.internal",
        "gateway.docker.internal", "ip-10-0-0-1.ec2.internal", "localhost.localdomain", "nas.lan", "nas.home.arpa",
        "x..com", ".", "..", "a_b", "-", "1.2.3.4.5", "1.2.3.256", "example.123", "example.0x7f", "ex%61mple.com",
    ]

    /// Ports that belong to other services.
    static let ports = [
        "0", "1", "22", "23", "25", "53", "110", "143", "445", "587", "993", "65536", "99999", "-1", "+80",
    ]
}

// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

internal import CCurl
import GatewayCore
import HTTPTypes

/// Sets one handle up for one request.
struct CurlOptions {
    let handle: UnsafeMutableRawPointer
    let request: TransportRequest
    /// Whether the answer may have to wait, for its reader or for room in memory.
    let mayBeHeldBack: Bool
    /// Whether the answer is gathered and likely short: a poll, a list of models, what a bucket says to an upload.
    let isQuestion: Bool
    let settings: CurlSettings

    /// Applies everything.
    ///
    /// - Parameters:
    ///   - gate: What looks at the addresses that are connected to.
    ///   - owner: The exchange, given back by the callbacks.
    /// - Returns: The list of headers, to be freed after the handle.
    func apply(
        _ gate: CurlGate,
        owner: UnsafeMutableRawPointer
    ) throws(TransportError) -> UnsafeMutablePointer<curl_slist>? {
        try checkURL()
        set(CURLOPT_URL, request.url)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        // A signed path must leave as it was signed.
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        // Credentials come in headers that the caller wrote, never out of a URL or a file.
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        set(CURLOPT_NOSIGNAL, 1)
        // To end an exchange whose name is still being looked up, libcurl would wait for the system's answer, and the
        // loop with it.
        set(CURLOPT_QUICK_EXIT, 1)
        // Over HTTP/2 libcurl does not hold the sender back: it keeps what comes, and fails at 64 MiB.
        set(CURLOPT_HTTP_VERSION, Int(mayBeHeldBack ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS))
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(request.limits.connect.milliseconds)))
        set(CURLOPT_MAXAGE_CONN, max(1, Int(settings.idleLifetime.components.seconds)))
        // A picture takes a minute of silence: keep the path through routers open.
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_TCP_KEEPIDLE, 30)
        set(CURLOPT_TCP_KEEPINTVL, 15)
        // Fewer, larger pieces halve the CPU of a large body. What was sent through stays in memory until the answer is there.
        // libcurl takes the whole buffer for each exchange, so a question with a short answer gets a small one.
        set(CURLOPT_BUFFERSIZE, isQuestion ? 32 << 10 : 256 << 10)
        set(CURLOPT_UPLOAD_BUFFERSIZE, uploadBuffer)
        if let file = settings.certificateFile { set(CURLOPT_CAINFO, file) }
        setMethod()
        setCallbacks(owner)
        gate.install(handle, settings)
        let list = try headerList()
        gateway_curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
        return list
    }

    /// As large as the body, within bounds; a body that comes while it is sent comes in pieces of its own.
    private var uploadBuffer: Int {
        guard case .bytes = request.body else { return 64 << 10 }
        return min(max(request.body.length, 16 << 10), 256 << 10)
    }

    private func checkURL() throws(TransportError) {
        let url = request.url.utf8
        let scheme = ["http://", "https://"].first { request.url.prefix($0.count).lowercased() == $0 }
        // libcurl would skip a third slash and take the path's first part for the host.
        let hasHost = url.dropFirst(scheme?.utf8.count ?? 0).first.map { $0 != UInt8(ascii: "/") } ?? false
        guard scheme != nil, hasHost, url.count <= 16_384, url.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw TransportError(.invalidURL, mayHaveArrived: false, "The URL cannot be used.")
        }
    }

    private func setMethod() {
        let method = request.method
        if case .none = request.body {
            switch method {
            case .get: set(CURLOPT_HTTPGET, 1)
            case .head: set(CURLOPT_NOBODY, 1)
            case .post, .put, .patch:
                // An empty body still needs its `Content-Length: 0`.
                set(CURLOPT_POST, 1)
                gateway_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, 0)
                set(CURLOPT_CUSTOMREQUEST, method.rawValue)
            default: set(CURLOPT_CUSTOMREQUEST, method.rawValue)
            }
        } else {
            set(CURLOPT_UPLOAD, 1)
            gateway_curl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, Int64(request.body.length))
            set(CURLOPT_CUSTOMREQUEST, method.rawValue)
        }
    }

    private func setCallbacks(_ owner: UnsafeMutableRawPointer) {
        for option in [CURLOPT_PRIVATE, CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_READDATA] {
            gateway_curl_set_pointer(handle, option, owner)
        }
        gateway_curl_set_data_function(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, owner in
            guard let exchange = CurlExchange.from(owner) else { return 0 }
            let length = size * count
            return exchange.takeHeader(UnsafeRawBufferPointer(start: bytes, count: length)) ? length : 0
        }
        gateway_curl_set_data_function(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, owner in
            guard let exchange = CurlExchange.from(owner) else { return 0 }
            let length = size * count
            switch exchange.takeBody(UnsafeRawBufferPointer(start: bytes, count: length)) {
            case true?: return length
            case false?: return 0
            case nil: return Int(CURL_WRITEFUNC_PAUSE)
            }
        }
        gateway_curl_set_data_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, owner in
            guard let exchange = CurlExchange.from(owner) else { return Int(CURL_READFUNC_ABORT) }
            switch exchange.giveBody(UnsafeMutableRawBufferPointer(start: bytes, count: size * count)) {
            case .bytes(let count): return count
            case .later: return Int(CURL_READFUNC_PAUSE)
            case .failed: return Int(CURL_READFUNC_ABORT)
            }
        }
        gateway_curl_set_pointer(handle, CURLOPT_PREREQDATA, owner)
        gateway_curl_set_prereq_function(handle) { owner, _, _, _, _ in
            CurlExchange.from(owner)?.begin() == true ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
        }
        guard request.isRepeatable else { return }
        // Without this function libcurl cannot send a body a second time when a kept connection turns out to be dead.
        // That is why only repeatable requests get it, besides what ``CurlExchange/begin()`` refuses.
        gateway_curl_set_pointer(handle, CURLOPT_SEEKDATA, owner)
        gateway_curl_set_seek_function(handle) { owner, offset, origin in
            guard offset == 0, origin == SEEK_SET, CurlExchange.from(owner)?.rewind() == true else {
                return CURL_SEEKFUNC_CANTSEEK
            }
            return CURL_SEEKFUNC_OK
        }
    }

    /// Headers that follow from the URL and the body: any other value would make the request ambiguous.
    private static let ownHeaders: Set<String> = ["host", "content-length", "transfer-encoding", "expect"]

    private func headerList() throws(TransportError) -> UnsafeMutablePointer<curl_slist>? {
        // An empty value switches a header off: libcurl would wait for "100 Continue", and name a form type.
        var lines = ["Expect:"]
        if request.headers[.contentType] == nil { lines.append("Content-Type:") }
        if request.headers[.accept] == nil { lines.append("Accept: */*") }
        for field in request.headers where !Self.ownHeaders.contains(field.name.canonicalName) {
            // "Name;" is libcurl's way to send a header without a value.
            lines.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                throw TransportError(.closed, mayHaveArrived: false, "The system has no memory left for a request.")
            }
            list = longer
        }
        return list
    }

    private func set(_ option: CURLoption, _ value: Int) {
        gateway_curl_set_long(handle, option, value)
    }

    private func set(_ option: CURLoption, _ value: String) {
        gateway_curl_set_string(handle, option, value)
    }
}

extension CurlExchange {
    /// The exchange a handle belongs to.
    static func of(_ handle: UnsafeMutableRawPointer?) -> CurlExchange? {
        guard let handle else { return nil }
        var pointer: UnsafeMutableRawPointer?
        gateway_curl_get_private(handle, &pointer)
        return pointer.map { Unmanaged<CurlExchange>.fromOpaque($0).takeUnretainedValue() }
    }

    /// The exchange a callback was made for.
    static func from(_ owner: UnsafeMutableRawPointer?) -> CurlExchange? {
        owner.map { Unmanaged<CurlExchange>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// What libcurl's result codes mean here.
enum CurlFailure {
    static func describe(_ code: CURLcode) -> (TransportError.Code, String) {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED:
            (.invalidURL, "The URL cannot be used.")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            (.nameNotResolved, "The host's name has no address.")
        case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED:
            (.notConnected, "No connection could be made.")
        case CURLE_OPERATION_TIMEDOUT:
            (.timedOut, "No connection could be made in time.")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            (.tls, "TLS with the other side failed.")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
            (.broken, "The answer is not HTTP.")
        case CURLE_GOT_NOTHING:
            (.broken, "The connection was closed without an answer.")
        case CURLE_PARTIAL_FILE, CURLE_OK:
            (.broken, "The connection was closed before the answer was complete.")
        default:
            (.broken, "The connection broke.")
        }
    }
}

/// libcurl's process-wide set-up, done once.
enum CurlLibrary {
    static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
}

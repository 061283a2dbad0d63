// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

extension Result<TransportResponse, TransportError> {
    /// An OSS error as the service sends it, with everything in it that must not be passed on.
    static func refusedByOSS(
        _ status: Int,
        _ code: String,
        reason: String = "0000-00000000",
        more: String = "",
        date: Timestamp? = nil
    ) -> Self {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <Error>
              <Code>\(code)</Code>
              <Message>request of AKID with STRING-TO-SIGN</Message>
              <RequestId>5C3D9175B6FC201293AD4890</RequestId>
              <HostId>HOST-ID</HostId>
              <OSSAccessKeyId>AKID</OSSAccessKeyId>
              <StringToSign>STRING-TO-SIGN</StringToSign>\(more)
              <EC>\(reason)</EC>
            </Error>
            """
        var headers = HTTPFields()
        headers[.contentType] = "application/xml"
        if let date { headers[.date] = CivilDate(date).http }
        return .success(TransportResponse(status: status, headers: headers, body: ByteBuffer(string: text)))
    }
}

@Suite struct OSSFailuresTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let name: String
        let reason: String
        let code: ObjectError.Code
        let isTemporary: Bool
        let word: String

        var testDescription: String { "\(status) \(name) \(reason)" }

        init(
            _ status: Int,
            _ name: String,
            reason: String = "0000-00000000",
            _ code: ObjectError.Code,
            temporary: Bool = false,
            says word: String
        ) {
            self.status = status
            self.name = name
            self.reason = reason
            self.code = code
            isTemporary = temporary
            self.word = word
        }
    }

    static let rows: [Row] = [
        Row(403, "SignatureDoesNotMatch", .denied, says: "storage.secret_access_key"),
        Row(400, "InvalidArgument", reason: "0002-00000226", .denied, says: "not in the region cn-hangzhou"),
        Row(400, "InvalidArgument", reason: "0002-00000227", .denied, says: "storage.region"),
        Row(400, "InvalidArgument", .misconfigured, says: "storage.access_key_id"),
        Row(403, "AccessDenied", reason: "0002-00000080", .denied, says: "storage.signature to v4"),
        Row(403, "InvalidAccessKeyId", .denied, says: "storage.access_key_id"),
        Row(403, "SecurityTokenExpired", .denied, says: "have ended"),
        Row(403, "InvalidSecurityToken", .denied, says: "storage.session_token"),
        Row(403, "AccessKeyIdAndSecurityTokenNotMatch", .denied, says: "storage.session_token"),
        Row(403, "AccessDenied", .denied, says: "oss:PutObject"),
        Row(403, "", .denied, says: "oss:PutObject"),
        Row(403, "RequestTimeTooSkewed", .denied, says: "clock"),
        Row(301, "PermanentRedirect", .denied, says: "storage.endpoint"),
        Row(302, "", .denied, says: "storage.endpoint"),
        Row(400, "PublicEndpointForbidden", reason: "0048-00000401", .denied, says: "storage.public_endpoint"),
        Row(403, "SecondLevelDomainForbidden", .misconfigured, says: "virtual"),
        Row(403, "NonStandardHostForbidden", .misconfigured, says: "mapped"),
        Row(403, "CnameDenied", .misconfigured, says: "not mapped"),
        Row(403, "UserDisable", .denied, says: "arrears"),
        Row(403, "InDebt", .denied, says: "arrears"),
        Row(403, "InDebtOverdue", .denied, says: "arrears"),
        Row(403, "AbnormalBucketOwnerStatus", .denied, says: "suspended"),
        Row(403, "BucketDisable", .denied, says: "disabled"),
        Row(403, "UbsmsInvalidBid", .denied, says: "KMS"),
        Row(404, "NoSuchBucket", .noBucket, says: "storage.bucket"),
        Row(400, "InvalidBucketName", .noBucket, says: "storage.bucket"),
        Row(403, "BucketNotBelongTo", .noBucket, says: "somebody else"),
        Row(400, "EntityTooLarge", .misconfigured, says: "larger"),
        Row(409, "FileAlreadyExists", .misconfigured, says: "overwrite"),
        Row(409, "FileImmutable", .denied, temporary: true, says: "retention"),
        Row(403, "InvalidObjectState", .misconfigured, says: "archived"),
        Row(403, "QuotaExceeded", .full, temporary: true, says: "quota"),
        Row(403, "BucketStorageCapacityLimited", .full, temporary: true, says: "quota"),
        Row(503, "QpsLimitExceeded", .unavailable, temporary: true, says: "QpsLimitExceeded"),
        Row(503, "UploadTrafficRateLimitExceeded", .unavailable, temporary: true, says: "overloaded"),
        Row(500, "InternalError", .unavailable, temporary: true, says: "InternalError"),
        Row(400, "RequestTimeout", .unavailable, temporary: true, says: "RequestTimeout"),
        Row(400, "InvalidDigest", .unavailable, temporary: true, says: "InvalidDigest"),
        Row(502, "", .unavailable, temporary: true, says: "502"),
        Row(404, "", .misconfigured, says: "storage.endpoint"),
        Row(405, "MethodNotAllowed", .misconfigured, says: "MethodNotAllowed"),
    ]

    private static func failure(
        _ answer: FakeTransport.Answer,
        to operation: BucketOperation = .put
    ) throws -> RemoteFailure? {
        OSSFailures(region: "cn-hangzhou").failure(
            in: try answer.get(),
            to: operation,
            signedAt: Timestamp(seconds: 1_700_000_000)
        )
    }

    @Test(arguments: rows)
    func `an answer is one sentence the operator can act on, and nothing else of it`(row: Row) throws {
        let answer: FakeTransport.Answer =
            row.name.isEmpty
            ? .success(TransportResponse(status: row.status))
            : .refusedByOSS(row.status, row.name, reason: row.reason)

        let error = try #require(try Self.failure(answer)).error

        #expect(error.code == row.code)
        #expect(error.isTemporary == row.isTemporary)
        #expect(error.message.contains(row.word) && error.message.hasSuffix("."))
        for word in ["STRING-TO-SIGN", "AKID", "HOST-ID", "<"] { #expect(!"\(error)".contains(word)) }
    }

    @Test func `what Aliyun's support asks for is in the sentence, from the document or the headers`() throws {
        var headers = HTTPFields()
        headers[try #require(HTTPField.Name("x-oss-ec"))] = "0003-00000002"
        headers[try #require(HTTPField.Name("x-oss-request-id"))] = "65F1"

        let document = try Self.failure(.refusedByOSS(403, "AccessDenied", reason: "0003-00000001"))
        let header = try Self.failure(.success(TransportResponse(status: 403, headers: headers)))

        #expect(
            document?.error.message
                .contains("(HTTP 403, AccessDenied, EC 0003-00000001, request 5C3D9175B6FC201293AD4890)") == true
        )
        #expect(header?.error.message.contains("(HTTP 403, EC 0003-00000002, request 65F1)") == true)
    }

    @Test func `the endpoint that OSS names is told, if it is a plain one`() throws {
        let named = try Self.failure(
            .refusedByOSS(403, "AccessDenied", more: "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>")
        )
        let strange = try Self.failure(.refusedByOSS(403, "AccessDenied", more: "<Endpoint>a b; c</Endpoint>"))

        #expect(named?.error.message.contains("answers at oss-cn-beijing.aliyuncs.com,") == true)
        #expect(strange?.error.message.contains("a b") == false)
    }

    @Test func `what is missing is gone when it is deleted, and not found when it is read`() throws {
        let missing = FakeTransport.Answer.refusedByOSS(404, "NoSuchKey")

        #expect(try Self.failure(missing, to: .delete) == nil)
        #expect(try Self.failure(missing, to: .get)?.error.code == .notFound)
        #expect(try Self.failure(.success(TransportResponse(status: 404)), to: .get)?.error.code == .notFound)
        #expect(try Self.failure(.refusedByOSS(404, "NoSuchBucket"), to: .delete)?.error.code == .noBucket)
    }

    @Test func `a denial by a clock that differs is one of the clock`() throws {
        let late = Timestamp(seconds: 1_700_000_000 + 1000)

        let unexplained = try Self.failure(.refusedByOSS(403, "AccessDenied", date: late))
        let explained = try Self.failure(
            .refusedByOSS(403, "AccessDenied", more: "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>", date: late)
        )

        guard case .otherClock = unexplained?.remedy else { return #expect(Bool(false), "another remedy") }
        #expect(explained?.error.message.contains("oss-cn-beijing") == true)
    }

    @Test(arguments: [200, 204])
    func `success is success`(status: Int) throws {
        #expect(try Self.failure(.success(TransportResponse(status: status))) == nil)
    }
}

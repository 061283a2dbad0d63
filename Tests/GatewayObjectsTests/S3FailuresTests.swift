// Part of ImageGateway. SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPTypes
import NIOCore
import Testing

@testable import GatewayObjects

@Suite struct S3FailuresTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let name: String
        let code: ObjectError.Code
        let isTemporary: Bool
        let word: String

        var testDescription: String { "\(status) \(name)" }

        init(_ status: Int, _ name: String, _ code: ObjectError.Code, temporary: Bool = false, says word: String) {
            self.status = status
            self.name = name
            self.code = code
            isTemporary = temporary
            self.word = word
        }
    }

    static let rows: [Row] = [
        Row(403, "SignatureDoesNotMatch", .denied, says: "storage.secret_access_key"),
        Row(403, "InvalidAccessKeyId", .denied, says: "storage.access_key_id"),
        Row(400, "ExpiredToken", .denied, says: "storage.session_token"),
        Row(400, "InvalidToken", .denied, says: "storage.session_token"),
        Row(403, "AccessDenied", .denied, says: "s3:PutObject"),
        Row(403, "", .denied, says: "s3:PutObject"),
        Row(400, "AccessDenied", .denied, says: "s3:PutObject"),
        Row(401, "", .denied, says: "s3:PutObject"),
        Row(403, "RequestTimeTooSkewed", .denied, says: "clock"),
        Row(400, "AuthorizationHeaderMalformed", .denied, says: "storage.region"),
        Row(301, "PermanentRedirect", .denied, says: "storage.endpoint"),
        Row(307, "", .denied, says: "storage.endpoint"),
        Row(404, "NoSuchBucket", .noBucket, says: "storage.bucket"),
        Row(404, "", .misconfigured, says: "storage.endpoint"),
        Row(403, "PathStyleDomainForbidden", .misconfigured, says: "virtual"),
        Row(403, "SecondLevelDomainForbidden", .misconfigured, says: "virtual"),
        Row(400, "EntityTooLarge", .misconfigured, says: "larger"),
        Row(501, "NotImplemented", .misconfigured, says: "storage.endpoint"),
        Row(403, "QuotaExceeded", .full, temporary: true, says: "full"),
        Row(507, "XMinioStorageFull", .full, temporary: true, says: "full"),
        Row(507, "", .full, temporary: true, says: "full"),
        Row(503, "SlowDown", .unavailable, temporary: true, says: "SlowDown"),
        Row(500, "InternalError", .unavailable, temporary: true, says: "InternalError"),
        Row(522, "", .unavailable, temporary: true, says: "522"),
        Row(400, "XAmzContentSHA256Mismatch", .unavailable, temporary: true, says: "XAmzContentSHA256Mismatch"),
        Row(409, "OperationAborted", .unavailable, temporary: true, says: "OperationAborted"),
        Row(400, "KMS.NotFoundException", .denied, says: "storage.kms_key_id"),
        Row(400, "InvalidStorageClass", .misconfigured, says: "storage.storage_class"),
        Row(400, "InvalidTag", .misconfigured, says: "storage.tags"),
        Row(400, "InvalidEncryptionAlgorithmError", .misconfigured, says: "storage.server_side_encryption"),
        Row(418, "Teapot", .misconfigured, says: "Teapot"),
    ]

    static func failure(_ answer: FakeTransport.Answer) throws -> RemoteFailure? {
        S3Failures(region: "us-east-1").failure(
            in: try answer.get(),
            to: .put,
            signedAt: Timestamp(seconds: 1_700_000_000)
        )
    }

    @Test(arguments: rows)
    func `an answer is one sentence the operator can act on`(row: Row) throws {
        let answer: FakeTransport.Answer =
            row.name.isEmpty ? .success(TransportResponse(status: row.status)) : .refused(row.status, row.name)

        let error = try #require(try Self.failure(answer)).error

        #expect(error.code == row.code)
        #expect(error.isTemporary == row.isTemporary)
        #expect(error.message.contains(row.word) && error.message.hasSuffix("."))
    }

    @Test(arguments: rows)
    func `nothing else of an answer is passed on`(row: Row) throws {
        let error = try #require(try Self.failure(.refused(row.status, row.name))).error

        for word in ["STRING-TO-SIGN", "AKID", "HOST-ID", "<"] { #expect(!"\(error)".contains(word)) }
    }

    @Test(arguments: [200, 201, 204])
    func `success is success`(status: Int) throws {
        #expect(try Self.failure(.success(TransportResponse(status: status))) == nil)
    }

    @Test func `the right region is named, from the document or the header`() throws {
        var headers = HTTPFields()
        headers[try #require(HTTPField.Name("x-amz-bucket-region"))] = "ap-south-1"

        let document = try Self.failure(.refused(400, "AuthorizationHeaderMalformed", region: "eu-west-1"))
        let header = try Self.failure(.success(TransportResponse(status: 301, headers: headers)))

        #expect(document?.error.message.contains("region eu-west-1, not us-east-1") == true)
        #expect(header?.error.message.contains("region ap-south-1, not us-east-1") == true)
    }

    @Test func `a region that is no plain word is not repeated`() throws {
        var headers = HTTPFields()
        headers[try #require(HTTPField.Name("x-amz-bucket-region"))] = "eu; <script>"

        let document = try Self.failure(.refused(301, "PermanentRedirect", region: "eu west & co"))
        let header = try Self.failure(.success(TransportResponse(status: 301, headers: headers)))

        #expect(document?.error.message.contains("west") == false)
        #expect(header?.error.message.contains("script") == false)
    }
}

# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""An OSS that checks signatures by Aliyun's own SDK: fake_oss.py PORT

What is compared is arithmetic of the SDK's signers; here are only plain facts: names, times, scopes, answers.
Listens on 127.0.0.1; the bucket `pictures` answers as pictures.oss-cn-hangzhou.localhost:PORT, by the internal host, and
as pictures.example.localhost. Other buckets are set up wrongly, each in its way.
"""

import base64
import datetime
import hashlib
import hmac
import sys
import threading
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote_to_bytes

from alibabacloud_oss_v2.signer import SignerV1, SignerV4
from alibabacloud_oss_v2.types import Credentials, HttpRequest, SigningContext
from oss2.auth import ProviderAuth
from oss2.utils import Crc64

REGION = "cn-hangzhou"
HOSTS = [f".oss-{REGION}.localhost", f".oss-{REGION}-internal.localhost"]
DOMAINS = {"pictures.example.localhost": "pictures"}
SECRETS = {"live-test": "live/test+secret=key", "STS.live-test": "live/sts+secret=key"}
TOKEN = "live/token+of=sts&with?everything#"
UTC = datetime.timezone.utc
DENIALS = {
    "arrears": (403, "UserDisable", "0003-00000801"),
    "forbidden": (403, "AccessDenied", "0003-00000001"),
    "elsewhere": (403, "AccessDenied", "0003-00001403"),
    "domain-only": (400, "PublicEndpointForbidden", "0048-00000401"),
}
BUCKETS = ["pictures", "newer", *DENIALS]
LONGEST_BODY = 64 << 20


class Refusal(Exception):
    def __init__(self, status, code, reason, more=""):
        super().__init__(code)
        self.status, self.code, self.reason, self.more = status, code, reason, more


def checksum(body):
    sum = Crc64()
    sum.update(body)
    return str(sum.crc)


def text_of(escaped):
    try:
        return unquote_to_bytes(escaped).decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise Refusal(400, "InvalidObjectName", "0016-00000002") from error


def pairs_of(query):
    if "+" in query:
        raise Refusal(400, "InvalidArgument", "0002-00000000")
    pairs = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if text_of(name) in pairs:
            raise Refusal(400, "InvalidArgument", "0002-00000000")
        pairs[text_of(name)] = text_of(value)
    return pairs


class Request:
    """One request, taken apart; `check` refuses it or returns."""

    def __init__(self, method, target, headers):
        self.method = method
        self.headers = headers
        path, _, query = target.partition("?")
        self.host = headers.get("host", "").lower()
        name = self.host.rsplit(":", 1)[0]
        self.bucket = DOMAINS.get(name)
        for end in HOSTS:
            if name.endswith(end):
                self.bucket = name.removesuffix(end)
        if not self.bucket or "." in self.bucket:
            raise Refusal(403, "SecondLevelDomainForbidden", "0003-00000501")
        self.key = text_of(path[1:])
        if self.key.startswith(("/", "\\")) or len(self.key.encode()) > 1023 or not path.startswith("/"):
            raise Refusal(400, "InvalidObjectName", "0016-00000005")
        self.query = pairs_of(query)
        self.now = datetime.datetime.now(UTC)

    def check(self):
        authorization = self.headers.get("authorization", "")
        if "x-oss-signature-version" in self.query:
            self.check_v4_url()
        elif "OSSAccessKeyId" in self.query:
            self.check_v1_url()
        elif authorization.startswith("OSS4-HMAC-SHA256 "):
            self.check_v4_header(authorization)
        elif authorization.startswith("OSS "):
            self.check_v1_header(authorization)
        else:
            raise Refusal(403, "AccessDenied", "0003-00000001")
        if self.bucket not in BUCKETS:
            raise Refusal(404, "NoSuchBucket", "0015-00000101")
        if self.bucket in DENIALS:
            more = "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>" if self.bucket == "elsewhere" else ""
            raise Refusal(*DENIALS[self.bucket], more)

    def credentials(self, access_key, token):
        if access_key not in SECRETS:
            raise Refusal(403, "InvalidAccessKeyId", "0002-00000902")
        if access_key.startswith("STS.") and token is None:
            raise Refusal(403, "InvalidAccessKeyId", "0002-00000903")
        if token is not None and (token != TOKEN or not access_key.startswith("STS.")):
            raise Refusal(403, "InvalidSecurityToken", "0002-00000901")
        return Credentials(access_key, SECRETS[access_key], token)

    def context(self, credentials, query, moment, additional=()):
        escaped = "&".join(quote(n, safe="") + ("=" + quote(v, safe="") if v else "") for n, v in query.items())
        url = f"http://{self.host}/{quote(self.key, safe='/~')}?{escaped}"
        headers = {name: value for name, value in self.headers.items() if name != "authorization"}
        context = SigningContext(
            product="oss", region=REGION, bucket=self.bucket, key=self.key or None, credentials=credentials,
            request=HttpRequest(self.method, url, headers=headers), signing_time=moment,
            additional_headers=set(additional),
        )
        context.sub_resource = sorted(ProviderAuth._subresource_key_set)
        return context

    def scope(self, credential, date):
        access_key, day, region, product, end = (credential.rsplit("/", 4) + [""] * 4)[:5]
        if end != "aliyun_v4_request" or day != date[:8]:
            raise Refusal(400, "InvalidArgument", "0002-00000213")
        if region != REGION:
            raise Refusal(400, "InvalidArgument", "0002-00000226")
        if product != "oss":
            raise Refusal(400, "InvalidArgument", "0002-00000227")
        return access_key

    @staticmethod
    def moment(text):
        try:
            return datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise Refusal(403, "AccessDenied", "0002-00000224") from error

    def check_skew(self, moment):
        if abs((self.now - moment).total_seconds()) > 900:
            raise Refusal(403, "RequestTimeTooSkewed", "0002-00000504")

    @staticmethod
    def compare(ours, theirs):
        if not hmac.compare_digest(ours.encode(), theirs.encode()):
            raise Refusal(403, "SignatureDoesNotMatch", "0002-00000040")

    def check_v4_header(self, authorization):
        fields = dict(part.strip().partition("=")[::2] for part in authorization.split(" ", 1)[1].split(","))
        date = self.headers.get("x-oss-date", "")
        access_key = self.scope(fields.get("Credential", ""), date)
        credentials = self.credentials(access_key, self.headers.get("x-oss-security-token"))
        self.check_skew(self.moment(date))
        if self.headers.get("x-oss-content-sha256") != "UNSIGNED-PAYLOAD":
            raise Refusal(400, "InvalidArgument", "0002-00000223")
        additional = [name for name in fields.get("AdditionalHeaders", "").split(";") if name]
        context = self.context(credentials, self.query, self.moment(date), additional)
        SignerV4().sign(context)
        self.compare(context.request.headers["Authorization"].rsplit("Signature=", 1)[1], fields.get("Signature", ""))

    def check_v4_url(self):
        query = dict(self.query)
        signature = query.pop("x-oss-signature", "")
        date, expires = query.get("x-oss-date", ""), query.get("x-oss-expires", "")
        access_key = self.scope(query.get("x-oss-credential", ""), date)
        credentials = self.credentials(access_key, query.get("x-oss-security-token"))
        if not expires.isdigit() or not 1 <= int(expires) <= 604_800:
            raise Refusal(400, "AuthorizationQueryParametersError", "0002-00000232")
        begin = self.moment(date)
        end = begin + datetime.timedelta(seconds=int(expires))
        additional = [name for name in query.get("x-oss-additional-headers", "").split(";") if name]
        context = self.context(credentials, query, begin, additional)
        context.auth_method_query, context.expiration_time = True, end
        SignerV4().sign(context)
        self.compare(context.request.url.rsplit("x-oss-signature=", 1)[1], signature)
        if (begin - self.now).total_seconds() > 900:
            raise Refusal(403, "AccessDenied", "0002-00000235")
        if self.now >= end:
            raise Refusal(403, "AccessDenied", "0002-00000236")

    def check_v1_is_open(self):
        if self.bucket == "newer":
            raise Refusal(403, "AccessDenied", "0002-00000080")

    def check_v1_header(self, authorization):
        self.check_v1_is_open()
        access_key, _, signature = authorization[4:].partition(":")
        self.credentials(access_key, self.headers.get("x-oss-security-token"))
        try:
            moment = parsedate_to_datetime(self.headers.get("x-oss-date") or self.headers.get("date"))
        except (TypeError, ValueError) as error:
            raise Refusal(403, "AccessDenied", "0002-00000001") from error
        self.check_skew(moment)
        # With a token the SDK's signer would add a header of its own, which OSS does not know.
        context = self.context(Credentials(access_key, SECRETS[access_key]), self.query, moment)
        SignerV1().sign(context)
        self.compare(context.request.headers["Authorization"].rsplit(":", 1)[1], signature)

    def check_v1_url(self):
        self.check_v1_is_open()
        query = dict(self.query)
        signature, expires = query.pop("Signature", ""), query.get("Expires", "")
        credentials = self.credentials(query.get("OSSAccessKeyId", ""), query.get("security-token"))
        if not expires.isdigit():
            raise Refusal(403, "AccessDenied", "0002-00000070" if expires else "0002-00000068")
        end = datetime.datetime.fromtimestamp(int(expires), UTC)
        context = self.context(credentials, query, self.now)
        context.auth_method_query, context.expiration_time = True, end
        SignerV1().sign(context)
        self.compare(text_of(context.request.url.rsplit("&Signature=", 1)[1]), signature)
        if self.now >= end:
            raise Refusal(403, "AccessDenied", "0002-00000069")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects, lock = {}, threading.Lock()

    def serve(self):
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(min(length, LONGEST_BODY))
        if len(body) < length:
            # The rest of the body never came: nothing is stored, and nobody waits for an answer.
            self.close_connection = True
            return
        try:
            request = Request(self.command, self.path, {name.lower(): value for name, value in self.headers.items()})
            request.check()
            self.act(request, body)
        except Refusal as refusal:
            self.refuse(refusal)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = serve

    def act(self, request, body):
        place = (request.bucket, request.key)
        if self.command == "PUT":
            if "content-length" not in request.headers:
                raise Refusal(411, "MissingContentLength", "0017-00000001")
            digest = base64.b64encode(hashlib.md5(body).digest()).decode()
            if request.headers.get("content-md5", digest) != digest:
                raise Refusal(400, "InvalidDigest", "0017-00000504")
            with self.lock:
                self.objects[place] = (request.headers.get("content-type", "application/octet-stream"), body)
            tag = hashlib.md5(body).hexdigest().upper()
            self.answer(200, {"ETag": f'"{tag}"', "x-oss-hash-crc64ecma": checksum(body)}, b"")
        elif self.command == "DELETE":
            with self.lock:
                self.objects.pop(place, None)
            self.answer(204, {}, b"")
        elif self.command in ("GET", "HEAD"):
            with self.lock:
                found = self.objects.get(place)
            if not found:
                raise Refusal(404, "NoSuchKey", "0026-00000001")
            kind = request.query.get("response-content-type", found[0])
            headers = {"Content-Type": kind, "x-oss-hash-crc64ecma": checksum(found[1])}
            if "response-content-disposition" in request.query:
                headers["Content-Disposition"] = request.query["response-content-disposition"]
            self.answer(200, headers, found[1])
        else:
            raise Refusal(405, "MethodNotAllowed", "0011-00000001")

    def refuse(self, refusal):
        document = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n  <Code>{refusal.code}</Code>\n'
            f"  <Message>{refusal.code}</Message>\n  <RequestId>65F1A2B3C4D5E6F708091011</RequestId>\n"
            f"  <HostId>host</HostId>\n  {refusal.more}<EC>{refusal.reason}</EC>\n</Error>\n"
        )
        headers = {"Content-Type": "application/xml", "x-oss-ec": refusal.reason}
        self.answer(refusal.status, headers, document.encode())

    def answer(self, status, headers, body):
        self.send_response(status)
        self.send_header("x-oss-request-id", "65F1A2B3C4D5E6F708091011")
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

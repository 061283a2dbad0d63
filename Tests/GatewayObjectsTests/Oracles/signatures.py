# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Random requests, and what the official SDKs make of them: one JSON object a line.

signatures.py SCHEME COUNT SEED, with SCHEME one of oss4, oss1, s3v4.

Each line has the request in plain text and what the SDK added: `header` holds headers, `url` the signed URL.
"""

import datetime
import json
import random
import sys
from urllib.parse import quote

PIECES = [
    "a", "Z", "0", "-", "_", ".", "~", " ", "  ", "+", "%", "%41", "%2F", "%zz", "/", "//", "./", "../", "..", "\\",
    "&", "=", "?", "#", "&=?#", "!", "*", "'", '"', "(", ")", "[", "]", "{", "}", "|", "^", "`", "<", ">", "@", ":",
    ";", ",", "$", "日本", "图片", "한", "é", "e\u0301", "a\u0308\u0323", "\u00c5", "\u212b", "\u212a", "ß", "🦊",
    "👩\u200d👩\u200d👧", "\u0627", "\ufeff", "\U0010ffff", "\t", "\u00a0",
]
VISIBLE = [chr(code) for code in range(0x21, 0x7F)]
UTC = datetime.timezone.utc


class Draw:
    """Requests from one source of chance."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def text(self, most, least=0):
        return "".join(self.chance.choices(PIECES, k=self.chance.randint(least, most)))

    def key(self):
        # Empty for the bucket itself; OSS has no names that begin with a slash.
        return self.text(12).lstrip("/\\")

    def token(self):
        if self.chance.random() < 0.5:
            return None
        return "".join(self.chance.choices(VISIBLE, k=self.chance.randint(1, 120)))

    def parameters(self, names):
        found = {}
        for _ in range(self.chance.choice([0, 0, 1, 2, 5])):
            name = self.chance.choice(names) if names and self.chance.random() < 0.6 else self.text(4, 1)
            found[name] = self.text(5) if self.chance.random() < 0.8 else ""
        return list(found.items())

    def headers(self, prefix):
        found = {}
        if self.chance.random() < 0.5:
            found["Content-Type"] = self.chance.choice(["image/png", "text/plain; charset=utf-8", "a/b"])
        if self.chance.random() < 0.3:
            found["Content-MD5"] = "1B2M2Y8AsgTpgAmY7PhCfg=="
        for _ in range(self.chance.choice([0, 1, 3])):
            name = self.chance.choice([prefix, prefix.upper(), "X-", "a"])
            name += "".join(self.chance.choices("abcXYZ019-", k=5)) + "q"
            if name.lower() not in [other.lower() for other in found]:
                found[name] = "".join(self.chance.choices(VISIBLE, k=self.chance.randint(1, 20)))
        return list(found.items())

    def case(self, names, prefix):
        return {
            "method": self.chance.choice(["GET", "PUT", "DELETE", "HEAD", "POST"]),
            "bucket": "".join(self.chance.choices("abcxyz0189", k=self.chance.randint(3, 20))),
            "key": self.key(),
            "query": self.parameters(names),
            "headers": self.headers(prefix),
            "token": self.token(),
            "access_key": "".join(self.chance.choices("ABCXYZ019.-_", k=20)),
            "secret": "".join(self.chance.choices(VISIBLE, k=self.chance.randint(1, 40))),
            "region": self.chance.choice(["cn-hangzhou", "us-east-1", "ap-southeast-1", "auto", "eu-central-1"]),
            "time": self.chance.randint(0, 4_000_000_000),
            "expires": self.chance.randint(1, 604_800),
        }


def url_of(host, key, query):
    pairs = [quote(name, safe="") + ("=" + quote(value, safe="") if value else "") for name, value in query]
    return f"https://{host}/{quote(key, safe='/~')}" + ("?" + "&".join(pairs) if pairs else "")


def oss_context(case, query_form, additional, sub_resources=None):
    from alibabacloud_oss_v2.types import Credentials, HttpRequest, SigningContext

    host = f"{case['bucket']}.oss-{case['region']}.aliyuncs.com"
    headers = dict(case["headers"])
    if "host" in additional:
        headers["host"] = host
    context = SigningContext(
        product="oss", region=case["region"], bucket=case["bucket"], key=case["key"] or None,
        request=HttpRequest(case["method"], url_of(host, case["key"], case["query"]), headers=headers),
        credentials=Credentials(case["access_key"], case["secret"], case["token"]),
        signing_time=datetime.datetime.fromtimestamp(case["time"], UTC), additional_headers=set(additional),
    )
    context.auth_method_query = query_form
    context.expiration_time = context.signing_time + datetime.timedelta(seconds=case["expires"])
    context.sub_resource = sub_resources or []
    return host, context


def oss4(draw, case):
    from alibabacloud_oss_v2.signer import SignerV4

    own = [name for name, _ in case["headers"]]
    chosen = draw.chance.sample(own, k=draw.chance.randint(0, len(own)))
    case["additional"] = chosen + draw.chance.choice([[], ["host"], ["Host", "x-not-there"]])
    additional = [name.lower() if name == "Host" else name for name in case["additional"]]
    for form in ("header", "url"):
        case["host"], context = oss_context(case, form == "url", additional)
        SignerV4().sign(context)
        case[form] = context.request.url if form == "url" else dict(context.request.headers)
    return case


def oss1(draw, case):
    """By oss2, which knows all sub-resources; the newer SDK must agree where it can say the same."""
    from alibabacloud_oss_v2.signer import SignerV1
    from oss2 import auth, http, utils

    known = sorted(auth.ProviderAuth._subresource_key_set)
    query = {draw.chance.choice(known) if draw.chance.random() < 0.5 else name: value for name, value in case["query"]}
    # The token is the signer's to add.
    query.pop("security-token", None)
    case["query"] = list(query.items())
    keys = auth.StsAuth(case["access_key"], case["secret"], case["token"] or "")
    moment = datetime.datetime.fromtimestamp(case["time"], UTC)
    utils.http_date = lambda *_: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    auth.time.time = lambda: case["time"]
    case["host"] = f"{case['bucket']}.oss-{case['region']}.aliyuncs.com"
    for form in ("header", "url"):
        request = http.Request(
            case["method"], url_of(case["host"], case["key"], []), params=dict(case["query"]),
            headers=dict(case["headers"]),
        )
        if form == "header":
            keys._sign_request(request, case["bucket"], case["key"])
            case[form] = {name: value for name, value in request.headers.items() if value is not None}
        else:
            case[form] = keys._sign_url(request, case["bucket"], case["key"], case["expires"])
    _, context = oss_context(case, True, [], known)
    SignerV1().sign(context)
    assert case["url"].rsplit("&", 1)[1] == context.request.url.rsplit("&", 1)[1], "the two SDKs differ"
    return case


def s3v4(draw, case):
    """By botocore; every header that is given is signed."""
    from botocore import auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    moment = datetime.datetime.fromtimestamp(case["time"], UTC)
    auth.get_current_datetime = lambda *_: moment
    case["host"] = f"{case['bucket']}.s3.{case['region']}.amazonaws.com"
    keys = Credentials(case["access_key"], case["secret"], case["token"])
    for form in ("header", "url"):
        request = AWSRequest(
            case["method"], f"https://{case['host']}/{quote(case['key'], safe='/~')}",
            headers={"Host": case["host"], **dict(case["headers"])}, params=dict(case["query"]), data=b"",
        )
        if form == "header":
            request.context["payload_signing_enabled"] = True
            auth.S3SigV4Auth(keys, "s3", case["region"]).add_auth(request)
            case[form] = dict(request.headers.items())
        else:
            auth.S3SigV4QueryAuth(keys, "s3", case["region"], expires=case["expires"]).add_auth(request)
            case[form] = request.url
    return case


SCHEMES = {
    "oss4": (oss4, "x-oss-", ["acl", "uploads", "response-content-type", "x-oss-process", "versionId"]),
    "oss1": (oss1, "x-oss-", []),
    "s3v4": (s3v4, "x-amz-", ["response-content-type", "versionId", "acl"]),
}


def main():
    scheme, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    make, prefix, names = SCHEMES[scheme]
    draw = Draw(seed)
    for _ in range(count):
        print(json.dumps(make(draw, draw.case(names, prefix))))


main()

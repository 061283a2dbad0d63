# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""What Amazon's own client makes of uploads and links: one JSON case a line in, one result a line out.

Nothing is sent: a handler takes each request when it is signed and ready to go.
"""

import datetime
import functools
import json
import sys

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

moment = None


def now(*_, **__):
    return moment


botocore.auth.get_current_datetime = now


session = botocore.session.Session()


@functools.lru_cache
def client(endpoint, region, style, access_key, secret, token):
    made = session.create_client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            s3={"addressing_style": style, "payload_signing_enabled": True},
        ),
    )
    made.meta.events.register("before-send.s3", take)
    return made


taken = {}


def take(request, **_):
    taken["url"] = request.url
    taken["headers"] = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    return AWSResponse(request.url, 200, {}, None)


def main():
    global moment
    for line in sys.stdin:
        case = json.loads(line)
        moment = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc)
        s3 = client(
            case["endpoint"], case["region"], case["style"], case["access_key"], case["secret"], case.get("token")
        )
        place = {"Bucket": case["bucket"], "Key": case["key"]}
        url = s3.generate_presigned_url("get_object", {**place, **case["link"]}, ExpiresIn=case["expires"])
        try:
            s3.put_object(**place, **case["upload"], Body=case["body"].encode())
        except Exception as error:  # no server, no answer: what was taken is all there is
            taken.setdefault("error", repr(error))
        print(json.dumps({"link": url, **taken}))
        taken.clear()


main()

# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Uses the official client, unmodified, as its users would; prints what it saw as one JSON object."""
import base64
import json
import struct
import sys
import urllib.request

import openai

base, key, other_key = sys.argv[1:4]
client = openai.OpenAI(base_url=base + "/v1", api_key=key, max_retries=0)
model = "gemini-2.5-flash-image"
seen = {}


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:16]
    return "%dx%d" % struct.unpack(">II", png[16:24])


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__, "status": error.status_code, "code": error.code, "param": error.param,
            "type": error.type, "request_id": bool(error.request_id), "message": bool(error.message),
        }
    return None


answer = client.images.generate(model=model, prompt="a fox \"in\" the snow 🦊", size="1344x768")
seen["default"] = {
    "size": size_of(base64.b64decode(answer.data[0].b64_json, validate=True)), "said": answer.size,
    "format": answer.output_format, "url": answer.data[0].url, "created": answer.created > 1_600_000_000,
    "usage": answer.usage.total_tokens > 0, "request_id": bool(answer._request_id),
}
answer = client.images.generate(model=model, prompt="a fox by link", response_format="url", n=2)
seen["url"] = {
    "count": len(answer.data), "b64": answer.data[0].b64_json, "different": answer.data[0].url != answer.data[1].url,
    "size": size_of(urllib.request.urlopen(answer.data[0].url).read()),
}
answer = client.images.generate(model="imagen-4.0-generate-001", prompt="a fox by imagen", response_format="b64_json")
seen["imagen"] = size_of(base64.b64decode(answer.data[0].b64_json))

events = list(client.images.generate(model=model, prompt="two foxes by stream", n=2, stream=True, partial_images=2))
seen["stream"] = {
    "types": [event.type for event in events],
    "classes": [type(event).__name__ for event in events],
    "sizes": [size_of(base64.b64decode(event.b64_json, validate=True)) for event in events],
    "said": [event.size for event in events],
    "usage": [bool(event.usage and event.usage.total_tokens) for event in events],
    "different": events[0].b64_json != events[-1].b64_json,
}
try:
    for event in client.images.generate(model=model, prompt="a fox [emulate:refuse]", stream=True):
        raise AssertionError(event.type)
except openai.APIError as error:
    seen["stream_failure"] = {"class": type(error).__name__, "code": error.code, "param": error.param}

wrong = openai.OpenAI(base_url=base + "/v1", api_key="wrong", max_retries=0)
restricted = openai.OpenAI(base_url=base + "/v1", api_key=other_key, max_retries=0)
seen["wrong_key"] = failure(lambda: wrong.images.generate(model=model, prompt="a fox"))
seen["wrong_model"] = failure(lambda: client.images.generate(model="no-such-model", prompt="a fox"))
seen["not_allowed"] = failure(lambda: restricted.images.generate(model=model, prompt="a fox"))
seen["refusal"] = failure(lambda: client.images.generate(model=model, prompt="a fox [emulate:refuse]"))
seen["bad_n"] = failure(lambda: client.images.generate(model=model, prompt="a fox", n=11))
seen["models"] = [entry.id for entry in client.models.list() if entry.id == model]
print(json.dumps(seen))

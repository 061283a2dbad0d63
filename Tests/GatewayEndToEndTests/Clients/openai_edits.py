# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Edits pictures with the official client, unmodified, in every form it has; prints what it saw as one JSON object."""
import base64
import io
import json
import struct
import sys
import urllib.error
import urllib.request

import openai

base, key, picture_file = sys.argv[1:4]
client = openai.OpenAI(base_url=base + "/v1", api_key=key, max_retries=0)
model = "gemini-2.5-flash-image"
with open(picture_file, "rb") as file:
    picture = file.read()
seen = {}


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n", png[:16]
    return "%dx%d" % struct.unpack(">II", png[16:24])


def edited(name, **arguments):
    answer = client.images.edit(model=model, prompt="make it a woodcut: " + name, **arguments)
    return [size_of(base64.b64decode(entry.b64_json, validate=True)) for entry in answer.data]


def streamed(name):
    events = list(client.images.edit(
        model=model, prompt="make it a woodcut: " + name, image=picture, stream=True, partial_images=1))
    assert [event.type for event in events] == ["image_edit.completed"], events
    assert events[0].usage.total_tokens > 0
    return [size_of(base64.b64decode(event.b64_json, validate=True)) for event in events]


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        return {"class": type(error).__name__, "status": error.status_code, "code": error.code, "param": error.param}
    return None


def raw(body):
    request = urllib.request.Request(
        base + "/v1/images/edits", json.dumps(body).encode(),
        {"Authorization": "Bearer " + key, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return [size_of(base64.b64decode(entry["b64_json"])) for entry in json.load(answer)["data"]]
    except urllib.error.HTTPError as error:
        return error.read().decode()


data_url = "data:image/png;base64," + base64.b64encode(picture).decode()
forms = {
    "file": lambda: edited("file", image=open(picture_file, "rb")),
    "files": lambda: edited("files", image=[open(picture_file, "rb"), open(picture_file, "rb")]),
    "bytes": lambda: edited("bytes", image=picture),
    "stream": lambda: edited("stream", image=io.BytesIO(picture)),
    "named": lambda: edited("named", image=("in.png", picture)),
    "typed": lambda: edited("typed", image=("in.bin", picture, "application/octet-stream")),
    "events": lambda: streamed("events"),
    "two": lambda: edited("two", image=picture, n=2),
    "text": lambda: edited("text", image=picture, size="1024x1024", user="u-1", extra_body={"metadata": {"order": "7"}}),
    "json": lambda: raw({"model": model, "prompt": "make it a woodcut: json", "images": [{"image_url": data_url}]}),
    "json_word": lambda: raw({"model": model, "prompt": "make it a woodcut: json_word", "image": data_url}),
}
failures = {
    "mask": lambda: edited("failure", image=picture, mask=picture),
    "no_picture": lambda: edited("failure", image=b"<svg/>"),
    "imagen": lambda: client.images.edit(model="imagen-4.0-generate-001", prompt="a hat", image=picture),
    "partials": lambda: edited("failure", image=picture, partial_images=2),
}
only = sys.argv[4:]
if "failures" not in only:
    seen["edited"] = {name: form() for name, form in forms.items()}
seen["failed"] = {name: failure(call) for name, call in failures.items()}
print(json.dumps(seen))

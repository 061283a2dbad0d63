# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Makes requests again under their names, and too many of them, with the official client; prints what it saw."""
import concurrent.futures
import json
import sys
import time

import openai

base, key = sys.argv[1:3]
client = openai.OpenAI(base_url=base + "/v1", api_key=key, max_retries=0)
model = "gemini-2.5-flash-image"
seen = {}


def generate(prompt, name=None, client=client):
    headers = {"Idempotency-Key": name} if name else {}
    return client.images.with_raw_response.generate(model=model, prompt=prompt, extra_headers=headers)


def failure(call):
    try:
        call()
    except openai.APIStatusError as error:
        told = [type(error).__name__, error.code]
        return told + [int(error.response.headers["retry-after"]) > 0] if error.status_code == 429 else told
    return None


first, second = (generate("a fox, once", "order-7") for _ in range(2))
seen["equal"] = first.parse().data[0].b64_json == second.parse().data[0].b64_json
seen["replayed"] = [answer.headers.get("idempotent-replayed") for answer in (first, second)]
seen["limit"] = second.headers["x-ratelimit-limit-requests"]
seen["remaining"] = second.headers["x-ratelimit-remaining-requests"]
seen["conflict"] = failure(lambda: generate("another fox", "order-7"))

# Three tasks at once; the fourth is refused. Seven of ten requests are left, and come back at one in six seconds.
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    failures = list(pool.map(lambda number: failure(lambda: generate("fox %d" % number)), range(4)))
seen["quota"] = next((told for told in failures if told), None)
while True:
    told = failure(lambda: generate("a hasty fox"))
    if told:
        break
seen["hasty"] = told
begun = time.monotonic()
generate("a patient fox", client=client.with_options(max_retries=3))
seen["patient"] = 0.5 < time.monotonic() - begun < 30
print(json.dumps(seen))

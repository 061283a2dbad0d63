# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Calls a gateway from many connections at the same moment, each used once; prints how often each status came."""
import asyncio
import collections
import json
import sys

port, key, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
body = json.dumps({"model": "gemini-2.5-flash-image", "prompt": "a fox"}).encode()
head = "\r\n".join([
    "POST /v1/images/generations HTTP/1.1", "host: x", "authorization: Bearer " + key, "prefer: wait=1",
    "content-type: application/json", "connection: close", "content-length: %d" % len(body), "", "",
])
seen = collections.Counter()


async def call():
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 100)
        seen[answer.split(b" ", 2)[1].decode() if answer else "nothing"] += 1
        writer.close()
    except (OSError, asyncio.TimeoutError) as error:
        seen[type(error).__name__] += 1


async def crowd():
    await asyncio.gather(*[call() for _ in range(count)])


asyncio.run(crowd())
print(json.dumps(seen))

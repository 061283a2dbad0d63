# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""PNG files of an exact size, and the answers of Gemini that hold them."""
import base64
import json
import os
import struct
import zlib

# Name, pixels of a side, bytes of the file: what models deliver as PNG.
SIZES = {"small": (256, 20_000), "1K": (1024, 2_000_000), "2K": (2048, 8_000_000), "4K": (4096, 32_000_000)}


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(side, length):
    """A valid picture with as much noise in it as fits, filled up by a chunk that readers skip."""
    noisy = min(side * 3, int(length * 0.98) // side - 16)
    compressor = zlib.compressobj(1)
    body = bytearray()
    for _ in range(side):
        body += compressor.compress(b"\0" + os.urandom(noisy) + bytes(side * 3 - noisy))
    body += compressor.flush()
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    head += _chunk(b"IDAT", bytes(body))
    end = _chunk(b"IEND", b"")
    filling = length - len(head) - len(end) - 12
    if filling < 0:
        raise ValueError(f"no room for {side} pixels in {length} bytes")
    return head + _chunk(b"noPe", os.urandom(filling)) + end


def answer(picture):
    """The answer of generateContent, in Google's own order and layout."""
    text = json.dumps({
        "candidates": [{
            "content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "@"}}], "role": "model"},
            "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 7, "candidatesTokenCount": 1290, "totalTokenCount": 1297,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]},
        "modelVersion": "gemini-2.5-flash-image", "responseId": "q5cgadqlJ4iYvdIP4fKFsAQ"}, indent=2)
    return text.replace("@", base64.b64encode(picture).decode()).encode()


def write_all(folder):
    """Writes NAME.png, NAME.b64 and NAME.json where they are not yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (side, length) in SIZES.items():
        if not (folder / f"{name}.json").exists():
            picture = png(side, length)
            (folder / f"{name}.png").write_bytes(picture)
            (folder / f"{name}.b64").write_bytes(base64.b64encode(picture))
            (folder / f"{name}.json").write_bytes(answer(picture))

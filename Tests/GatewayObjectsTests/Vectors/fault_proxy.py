# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""A wire that breaks: fault_proxy.py PORT TARGET-PORT FAULT...

Each connection takes the next fault; when there are none left, bytes just pass.
  sent:N      resets the connection after N bytes of the request have passed
  answered:N  lets the request pass and resets the connection after N bytes of the answer
  closed      resets the connection at once
  slow:N      waits N milliseconds, then lets everything pass
  flip:N      changes the Nth byte of the request
  refused:N:C reads a request and answers it with status N and the code C, as both kinds of service write it
"""

import socket
import struct
import sys
import threading
import time
from email.utils import formatdate

port, target = int(sys.argv[1]), int(sys.argv[2])
faults = sys.argv[3:]
lock = threading.Lock()


def reset(one):
    # Wakes whoever still reads from it; until then the system would not close it.
    try:
        one.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def pump(source, sink, limit, over, flip=None):
    passed = 0
    while True:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        if limit is not None and passed + len(data) >= limit and data:
            try:
                sink.sendall(data[: limit - passed])
            except OSError:
                pass
            over()
            return
        if flip is not None and passed <= flip < passed + len(data):
            data = bytearray(data)
            data[flip - passed] ^= 1
        passed += len(data)
        try:
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(data)
        except OSError:
            return


def refuse(caller, status, code):
    """Takes one request whole, so that its sender has the time to see the answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += caller.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    left = int(lengths[0] if lengths else 0) - len(body)
    while left > 0:
        left -= len(caller.recv(65536))
    document = f"<Error><Code>{code}</Code><Message>CANARY</Message></Error>".encode()
    head = f"HTTP/1.1 {status} No\r\nDate: {formatdate(usegmt=True)}\r\nContent-Length: {len(document)}\r\nConnection: close"
    caller.sendall(head.encode() + b"\r\n\r\n" + document)
    caller.close()


def serve(caller):
    with lock:
        kind, _, count = (faults.pop(0) if faults else "pass:").partition(":")
    if kind == "closed":
        return reset(caller)
    if kind == "refused":
        return refuse(caller, *count.split(":"))
    if kind == "slow":
        time.sleep(int(count) / 1000)
    server = socket.create_connection(("127.0.0.1", target))

    def over():
        reset(caller)
        reset(server)

    number = int(count or 0)
    up, down, flip = {
        "sent": (number, None, None), "answered": (None, number, None), "flip": (None, None, number),
    }.get(kind, (None, None, None))
    threading.Thread(target=pump, args=(server, caller, down, over), daemon=True).start()
    pump(caller, server, up, over, flip)


listener = socket.create_server(("127.0.0.1", port))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

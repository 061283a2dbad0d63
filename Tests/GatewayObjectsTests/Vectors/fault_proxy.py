# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""A wire that breaks: fault_proxy.py PORT TARGET-PORT FAULT...

Each connection takes the next fault; when there are none left, bytes just pass.
  sent:N      resets the connection after N bytes of the request have passed
  answered:N  lets the request pass and resets the connection after N bytes of the answer
"""

import socket
import struct
import sys
import threading

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


def pump(source, sink, limit, over):
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
        passed += len(data)
        try:
            if not data:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(data)
        except OSError:
            return


def serve(caller):
    with lock:
        kind, _, count = (faults.pop(0) if faults else "pass:").partition(":")
    server = socket.create_connection(("127.0.0.1", target))

    def over():
        reset(caller)
        reset(server)

    limits = {"sent": (int(count or 0), None), "answered": (None, int(count or 0))}
    up, down = limits.get(kind, (None, None))
    threading.Thread(target=pump, args=(server, caller, down, over), daemon=True).start()
    pump(caller, server, up, over)


listener = socket.create_server(("127.0.0.1", port))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

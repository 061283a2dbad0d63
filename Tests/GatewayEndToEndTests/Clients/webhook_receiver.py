# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Receives webhooks, checks each with the specification's own library, and behaves as its path says.

Usage: webhook_receiver.py PORT LOGFILE NAME=SECRET...

Paths are /NAME/BEHAVIOR, with the secret of that name: ok, flaky/COUNT, gone/COUNT, busy/SECONDS, redirect, reset, silent,
drip, endless. What it got and answered is one JSON object a line in the log, written before the answer is sent.
"""
import json
import socket
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secrets = dict(argument.split("=", 1) for argument in sys.argv[3:])
lock = threading.Lock()
seen = Counter()
log = open(sys.argv[2], "a", buffering=1)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name, behavior, *more = self.path.split("?")[0].strip("/").split("/")
        try:
            Webhook(secrets[name]).verify(body, dict(self.headers))
            verified = True
        except WebhookVerificationError as error:
            verified = str(error)
        event = json.loads(body)
        with lock:
            key = (self.path, self.headers["webhook-id"])
            seen[key] += 1
            seen[self.path] += 1
            status = self.status(behavior, more, seen[key])
            print(json.dumps({
                "path": self.path, "id": self.headers["webhook-id"], "number": seen[key], "verified": verified,
                "signatures": len(self.headers["webhook-signature"].split(" ")), "type": event["type"],
                "stamp": event["timestamp"], "task": event["data"]["id"], "data": event["data"], "status": status,
                "sent": int(self.headers["webhook-timestamp"]), "received": time.time(),
                "headers": sorted(name.lower() for name in self.headers),
            }), file=log)
        self.behave(behavior, more, status)

    def status(self, behavior, more, number):
        if behavior == "flaky":
            return [500, 503, 404, 302, 429][number % 5] if number <= int(more[0]) else 204
        if behavior == "busy":
            return 429 if number == 1 else 200
        if behavior == "gone":
            return 410 if seen[self.path] <= int(more[0]) else 200
        return {"ok": 200, "redirect": 302, "endless": 500, "drip": 500}.get(behavior, 0)

    def behave(self, behavior, more, status):
        if behavior == "reset":
            # Closing at once makes the system send a reset instead of an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif behavior == "silent":
            time.sleep(120)
        elif behavior == "drip":
            self.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfine.")
        elif behavior == "endless":
            self.wfile.write(b"HTTP/1.1 500 No\r\nContent-Type: text/plain\r\n\r\n")
            while True:
                self.wfile.write(b"x" * 65536)
        else:
            self.answer(status, more)

    def drip(self, text):
        for place in range(len(text)):
            self.wfile.write(text[place:place + 1])
            self.wfile.flush()
            time.sleep(1)

    def answer(self, status, more=()):
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/request/ok")
        if status == 429 and "busy" in self.path:
            self.send_header("Retry-After", more[0])
        body = b"" if status == 204 else b"heard"
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


Server(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()

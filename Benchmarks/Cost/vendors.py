# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Two vendors and a bucket in one small server: the other side of what scripts/check-cost counts."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Vendors(ThreadingHTTPServer):
    """Gemini with a large and a small answer, HingNet with tasks that are never done, a bucket that keeps nothing."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer, small):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.small = small
        self.polls = 0
        self.jobs = 0
        self.stored = 0
        self.lock = threading.Lock()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.wfile = self.connection.makefile("wb", 1 << 20)

    def log_message(self, *_):
        pass

    def _answer(self, body, kind="application/json", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _take(self):
        length = int(self.headers.get("Content-Length", 0))
        while length > 0:
            length -= len(self.rfile.read(min(length, 1 << 20)))

    def do_POST(self):
        self._take()
        if "generateContent" in self.path:
            return self._answer(self.server.small if self.path.startswith("/small") else self.server.answer)
        with self.server.lock:
            self.server.jobs += 1
            return self._answer(_job(f"image_{self.server.jobs:026}", "pending", 0))

    def do_GET(self):
        if self.path.startswith("/bucket"):
            return self._answer(b"ready\n", "text/plain")
        with self.server.lock:
            self.server.polls += 1
        return self._answer(_job(self.path.rpartition("/")[2], "in_progress", 50))

    def do_PUT(self):
        self._take()
        with self.server.lock:
            self.server.stored += 1
        self._answer(b"")

    def do_DELETE(self):
        self._answer(b"", status=204)


def _job(name, status, progress):
    return json.dumps({"id": name, "task_id": name, "object": "image.generation", "created_at": 1767340800,
                       "status": status, "progress": progress, "model": "gemini-3-pro-image-preview"}).encode()

# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""The servers of a run: the gateway, the vendors behind it, and its peers."""
import http.client
import json
import os
import shutil
import threading
import urllib.request

from pictures import SIZES
from processes import Program, free_port

KEY = "bench-key-0123456789abcdef"
AUTHORIZATION = f"Authorization: Bearer {KEY}"
TUNED = "proxy_buffer_size 64k; proxy_buffers 16 64k; proxy_busy_buffers_size 256k; proxy_max_temp_file_size 0;"
# 64 callers at once is the most that is measured, and everything they ask for may be under way.
CONCURRENT = 128


def url(port, path):
    return f"http://127.0.0.1:{port}{path}"


_lines = threading.local()


def _line(port):
    """This thread's connection to a server: kept, as clients of HTTP keep theirs."""
    kept = vars(_lines).setdefault("kept", {})
    if port not in kept:
        kept[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    return kept[port]


def ask(port, path, body=None):
    """The answer to a question with the key: a GET, or with a body a POST."""
    line = _line(port)
    headers = {"Authorization": f"Bearer {KEY}"} | ({"Content-Type": "application/json"} if body else {})
    try:
        line.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        answer = line.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException):
        line.close()
        raise
    if answer.status >= 300:
        raise RuntimeError(f"{path}: {answer.status}")
    return json.loads(content)


class Place:
    """Where everything is: programs, answers, and a folder for the files of this run."""

    def __init__(self, root, programs):
        self.root = root
        self.gateway = programs / "image-gateway"
        self.anchors = programs / "bench-anchors"
        self.work = root / ".build" / "bench"
        self.answers = self.work / "answers"
        self.venv = root / ".build" / "bench-venv"
        self.count = 0

    def folder(self, name):
        """An empty folder of its own."""
        self.count += 1
        folder = self.work / "run" / f"{self.count:03}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def start_nginx(place, name, servers):
    """nginx with one worker for each core, and otherwise what its package says."""
    folder = place.folder(name)
    (folder / "nginx.conf").write_text(f"""
daemon off;
user {'root' if os.getuid() == 0 else 'nobody'};
worker_processes {os.cpu_count()};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    keepalive_requests 1000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{servers}
}}
""")
    return Program(name, [shutil.which("nginx") or "/usr/sbin/nginx", "-e", folder / "error.log", "-c",
                          folder / "nginx.conf"], folder)


def start_vendor(place):
    """Gemini, as a ready file for each size of picture."""
    port = free_port()
    program = start_nginx(place, "vendor", f"""
    server {{
        listen 127.0.0.1:{port};
        root {place.answers};
        default_type "application/json; charset=UTF-8";
        location ~ ^/(?<size>[A-Za-z0-9]+)/v1beta/models/ {{ error_page 405 =200 /$size.json; return 405; }}
    }}""")
    program.port = port
    program.wait_for_port(port)
    return program


def start_pass_through(place, vendor):
    """nginx in front of the vendor: with buffers as they come, and with buffers for large bodies."""
    port = free_port()
    keep = f"upstream vendor {{ server 127.0.0.1:{vendor.port}; keepalive {CONCURRENT}; keepalive_requests 1000000; }}"
    places = ""
    for size in SIZES:
        target = f"proxy_pass http://vendor/{size}/v1beta/models/gemini-2.5-flash-image:generateContent;"
        places += f"location = /plain/{size} {{ {target} }}\n"
        places += f"location = /tuned/{size} {{ {target} {TUNED} }}\n"
    program = start_nginx(place, "pass-through", f"""
    {keep}
    server {{
        listen 127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
{places}    }}""")
    program.port = port
    return program


def start_anchors(place, name="anchors", **options):
    """The program of empty handlers."""
    port = free_port()
    command = [place.anchors, "serve", "--port", port]
    for option, value in options.items():
        command += [f"--{option}", value]
    program = Program(name, command, place.folder(name), {"LOG_LEVEL": "info"})
    program.port = port
    program.wait_for_port(port)
    return program


def start_gateway(place, providers, storage=None, settings="", ready=True):
    """The gateway as it comes: keys are asked for, everything is written down, logs at their level."""
    folder = place.folder("gateway")
    port, admin = free_port(), free_port()
    lines = "\n".join(f"  - {json.dumps(provider)}" for provider in providers)
    (folder / "image-gateway.yaml").write_text(f"""
server: {{ listen: "127.0.0.1:{port}", admin_listen: "127.0.0.1:{admin}" }}
auth: {{ mode: keys, keys: [{{ name: bench, key: {KEY} }}] }}
storage: {json.dumps(storage or {"kind": "local"})}
providers:
{lines}
{settings}
""")
    command = [place.gateway, "serve", "--config", folder / "image-gateway.yaml"]
    program = Program("gateway", command, folder)
    program.port = port
    program.folder = folder
    if ready:
        program.wait_for(lambda: is_ready(port))
    return program


def is_ready(port):
    try:
        with urllib.request.urlopen(url(port, "/health/ready"), timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def gemini(name, address, model):
    """A provider that speaks Gemini's language at an address, with one model under a name of its own."""
    return {"name": name, "kind": "gemini", "base_url": address, "api_keys": ["unused"],
            "max_concurrent": CONCURRENT, "allow_private_network": True,
            "models": {model: "gemini-2.5-flash-image"}}


def by_size(vendor):
    """One provider for each size of picture; the model's name says which."""
    return [gemini(size, url(vendor.port, f"/{size}"), f"bench-{size}") for size in SIZES]


def s3(anchors):
    return {"kind": "s3", "endpoint": url(anchors.port, ""), "bucket": "bucket", "addressing": "path",
            "access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


def start_litellm(place, vendor):
    """LiteLLM's proxy as its documentation recommends it for production: no debugging, errors only, one worker."""
    program = place.venv / "bin" / "litellm"
    if not program.exists():
        return None
    folder = place.folder("litellm")
    port = free_port()
    models = "".join(f"""
  - model_name: bench-{size}
    litellm_params:
      model: gemini/gemini-2.5-flash-image
      api_base: {url(vendor.port, f"/{size}/v1beta")}
      api_key: unused""" for size in SIZES)
    (folder / "config.yaml").write_text(f"""model_list:{models}
litellm_settings: {{ drop_params: true, set_verbose: false, telemetry: false, request_timeout: 600, num_retries: 0 }}
general_settings: {{ master_key: sk-{KEY} }}
""")
    program = Program("litellm", [program, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", port],
                      folder, {"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
                               "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"})
    program.port = port
    program.wait_for_port(port, seconds=180)
    return program

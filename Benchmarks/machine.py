# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""What was measured on, and with what."""
import os
import platform
import re
import subprocess


def _said(command):
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=60)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def _first(path, name):
    try:
        with open(path) as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith(name)), "")
    except OSError:
        return ""


def facts():
    memory = _first("/proc/meminfo", "MemTotal").split()
    return {"processor": _first("/proc/cpuinfo", "model name") or platform.machine(), "cores": os.cpu_count(),
            "memory_gib": round(int(memory[0]) / (1 << 20), 1) if memory else None,
            "system": f"{platform.system()} {platform.release()}",
            "is_virtual": "hypervisor" in _first("/proc/cpuinfo", "flags").split()}


def load():
    """What else the machine was doing: the load of the last minute."""
    return round(os.getloadavg()[0], 2)


def versions(place):
    swift = re.search(r"Swift version ([\d.]+)", _said(["swift", "--version"]))
    nginx = re.search(r"nginx/([\d.]+)", _said(["/usr/sbin/nginx", "-v"]))
    wrk = re.search(r"wrk (?:debian/)?(\S+)", _said(["wrk", "-v"]))
    packages = _said([place.venv / "bin" / "pip", "--disable-pip-version-check", "list", "--format=freeze"])
    litellm = re.search(r"^litellm==(\S+)", packages, re.MULTILINE)
    resolved = (place.root / "Package.resolved").read_text()
    hummingbird = re.search(r'"hummingbird",.*?"version"\s*:\s*"([^"]+)"', resolved, re.DOTALL)
    return {"gateway": _said(["git", "-C", place.root, "describe", "--always", "--dirty"]),
            "swift": swift and swift[1], "hummingbird": hummingbird and hummingbird[1], "nginx": nginx and nginx[1],
            "wrk": wrk and wrk[1], "litellm": litellm and litellm[1], "python": platform.python_version()}

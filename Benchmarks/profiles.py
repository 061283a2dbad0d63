# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Where the gateway's time goes while it is loaded, by perf: make bench ONLY=case PROFILE=1."""
import contextlib
import re
import signal
import subprocess
import time

# Where to write, once somebody asks for profiles.
folder = None
# What is measured at the moment.
case = ""
_count = 0


@contextlib.contextmanager
def recorded(program):
    """Samples a program while the block runs, and writes what it did: flat, and by caller."""
    global _count
    if folder is None or program.name != "gateway":
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    _count += 1
    data = folder / f"{case}-{_count:02}.data"
    perf = subprocess.Popen(["perf", "record", "-q", "-F", "1499", "--call-graph", "fp", "-p", str(program.process.pid),
                             "-o", str(data)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    try:
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait()
        _write(data, "libraries", ["--sort", "dso", "--no-children", "-g", "none"])
        _write(data, "flat", ["--sort", "dso,symbol", "--no-children", "-g", "none"])
        _write(data, "inclusive", ["--sort", "symbol", "--children", "-g", "none"])
        _write(data, "callers", [
            "--sort", "symbol", "--no-children", "-g", "caller,0.5,callee,function,percent", "--max-stack", "12"])
        data.unlink(missing_ok=True)


def _write(data, kind, options):
    said = subprocess.run(["perf", "report", "--stdio", "-i", str(data), "--percent-limit", "0.4",
                           *options], capture_output=True, text=True, check=False).stdout
    names = sorted(set(re.findall(r"\$s[A-Za-z0-9_]+", said)), key=len, reverse=True)
    if names:
        # perf knows no Swift; its names are spelled out here.
        plain = subprocess.run(["swift", "demangle", "--compact", "--simplified"], input="\n".join(names),
                               capture_output=True, text=True, check=False).stdout.splitlines()
        spelled = dict(zip(names, plain))
        said = re.sub(r"\$s[A-Za-z0-9_]+", lambda match: spelled.get(match[0], match[0]), said)
    lines = [line.rstrip(" -") for line in said.splitlines() if line.strip() and not line.startswith("#")]
    data.with_suffix(f".{kind}.txt").write_text("\n".join(lines) + "\n")

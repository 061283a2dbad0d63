# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Programs that are started, watched and ended by their process id."""
import os
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
_next_port = 17000


def free_port():
    """A port that nobody listens on, below those the system gives to outgoing connections."""
    global _next_port
    while True:
        _next_port += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue


class Program:
    """One program, with whatever processes it starts itself."""

    def __init__(self, name, command, folder, environment=None):
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, start_new_session=True)

    def pids(self):
        """The process and all it has started."""
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                stat = _read(f"/proc/{entry}/stat")
                if stat:
                    parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu(self):
        """Seconds of processor time, those of ended children included."""
        total = 0
        for pid in self.pids():
            stat = _read(f"/proc/{pid}/stat")
            if stat:
                total += sum(int(field) for field in stat.rpartition(")")[2].split()[11:15])
        return total / TICKS

    def memory(self, field="VmHWM"):
        """Bytes of resident memory: the peak, or with VmRSS what it is now."""
        total = 0
        for pid in self.pids():
            for line in (_read(f"/proc/{pid}/status") or "").splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
        return total

    def forget_peak(self):
        """Lets the peak of memory begin again at what is used now."""
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/clear_refs", "w") as file:
                    file.write("5")
            except OSError:
                pass

    def wait_for_port(self, port, seconds=120):
        """Waits until somebody accepts connections there."""
        self.wait_for(lambda: _accepts(port), seconds)

    def wait_for(self, is_ready, seconds=120):
        end = time.monotonic() + seconds
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not start; see {self.log}")
            time.sleep(0.002)

    def stop(self):
        """Ends it, and what it started, gently first."""
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in pids:
            if pid == self.process.pid and self.process.poll() is not None:
                continue
            try:
                if os.getpgid(pid) == self.process.pid:
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.wait()


def _read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def _accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

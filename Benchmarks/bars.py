# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""What the gateway must reach, and whether it did: every bar is a ratio, or a limit, within one run."""

MIB = 1 << 20


class Bar:
    """One row: the work, its limit, and how the figures are compared."""

    def __init__(self, case, work, limit, unit, at_least, figure):
        self.case, self.work, self.limit, self.unit, self.at_least, self.figure = (
            case, work, limit, unit, at_least, figure)

    def judge(self, cases):
        """The row with its figure; none if it was not measured."""
        try:
            value = self.figure(cases[self.case])
        except (KeyError, ZeroDivisionError):
            return None
        if value is None:
            return None
        met = value >= self.limit if self.at_least else value <= self.limit
        return {"work": self.work, "value": value, "met": met, "unit": self.unit, "limit": self.limit,
                "comparison": "at least" if self.at_least else "at most"}


def _rate(clients, peer):
    return lambda case: case[clients]["gateway"]["rate"] / case[clients][peer]["rate"]


def _sync(peer):
    return lambda case: case["cells"]["1K/16"]["gateway"]["cpu_ms"] / case["cells"]["1K/16"][peer]["cpu_ms"]


def _added(cell):
    return lambda case: case[cell]["gateway"]["p99"] - case[cell]["direct"]["p99"]


def _waiting(figure):
    # Fewer tasks, as in a quick run, prove nothing about ten thousand.
    return lambda case: figure(case) if case["tasks"] >= 10_000 else None


BARS = [
    Bar("get", "`GET` of finished tasks, 64 clients: rate, against an empty Hummingbird", 0.7, "×", True,
        _rate("64", "hummingbird")),
    Bar("create", "durable tasks, 64 clients: rate, against Hummingbird that reads the body", 0.4, "×", True,
        _rate("64", "hummingbird")),
    Bar("sync", "synchronous `b64_json`, 2 MB, 16 clients: CPU, against nginx passing it through", 1.5, "×", False,
        _sync("nginx")),
    Bar("sync", "the same: LiteLLM's CPU, against the gateway's", 10, "×", True,
        lambda case: 1 / _sync("litellm")(case)),
    Bar("async", "asynchronous into S3, 2 MB, 16 clients: CPU, against its pieces, each alone", 2, "×", False,
        lambda case: case["1K/16"]["gateway"]["cpu_ms"] / case["1K/16"]["pieces"]["cpu_ms"]),
    Bar("memory", "8 synchronous pictures of 32 MB at once: peak memory, against their bytes", 1.6, "×", False,
        lambda case: case["synchronous"]["peak"] / case["bytes_in_flight"]),
    Bar("memory", "8 pictures of 32 MB at once into S3: peak memory, against their bytes", 1.6, "×", False,
        lambda case: case["s3"]["peak"] / case["bytes_in_flight"]),
    Bar("waiting", "10,000 waiting tasks: peak memory", 250, "MB", False,
        _waiting(lambda case: case["peak_memory_waiting"] / 1e6)),
    Bar("waiting", "10,000 waiting tasks: share of one core", 0.1, "", False, _waiting(lambda case: case["cores"])),
    Bar("waiting", "waiting tasks: CPU for each poll", 0.3, "ms", False, lambda case: case["cpu_ms_per_poll"]),
    Bar("waiting", "waiting tasks: the latest poll after the last moment it was planned for", 1, "s", False,
        lambda case: case["latest_beyond_plan"]),
    Bar("waiting", "waiting tasks: share that completed", 1, "", True, lambda case: case["completed"] / case["tasks"]),
    Bar("latency", "added to a synchronous call, small picture, 1 client: p99", 1, "ms", False, _added("quick/1")),
    Bar("latency", "the same, 64 clients at a vendor that takes 100 ms: p99", 5, "ms", False, _added("slow/64")),
    Bar("start", "start to ready, empty folder, program dropped from memory", 0.3, "s", False,
        lambda case: case["from_disk"]["seconds"]),
]


def judge(cases):
    return [row for row in (bar.judge(cases) for bar in BARS) if row]

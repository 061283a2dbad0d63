# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""The benchmark: python3 Benchmarks [--quick] [--only CASE[,CASE]] [--publish]; `make bench` runs it."""
import argparse
import json
import pathlib
import subprocess
import sys
import time

import bars
import cases_pictures
import cases_small
import cases_waiting
import machine
import pictures
import profiles
import report
from servers import Place

CASES = {
    "get": cases_small.get_finished,
    "create": cases_small.create,
    "sync": cases_pictures.synchronous,
    "async": cases_pictures.asynchronous,
    "memory": cases_pictures.memory,
    "waiting": cases_waiting.waiting,
    "latency": cases_pictures.latency,
    "start": cases_small.start,
}


class Plan:
    """How much of everything."""

    def __init__(self, quick):
        self.quick = quick
        self.rounds = 1 if quick else 3
        self.seconds = 1 if quick else 4
        # Of the many cells of pictures; none is cut off, so with large ones and many callers it takes longer.
        self.picture_seconds = 1 if quick else 2.5
        self.sizes = ["1K"] if quick else ["1K", "2K", "4K"]
        self.finished_tasks = 100 if quick else 1000
        self.piece_times = 60 if quick else 200
        self.async_pictures = 48 if quick else 192
        self.memory_pictures = 16 if quick else 32
        self.waiting_tasks = 1000 if quick else 10_000
        self.waiting_seconds = 10 if quick else 60
        self.poll_seconds = 5 if quick else 30
        self.starts = 4 if quick else 15
        # What a test makes in a few seconds may wait for hours, and is given up when the test is over.
        self.create_settings = "engine: { drain_timeout: 1s }"


def main():
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes, for development")
    parser.add_argument("--rounds", type=int, help="how many rounds count, besides the warm-up (3)")
    parser.add_argument("--only", default="", help="some of: " + ", ".join(CASES))
    parser.add_argument("--publish", action="store_true", help="also write docs/performance.md, its numbers and plots")
    parser.add_argument("--programs", type=pathlib.Path, help="the folder of the programs")
    parser.add_argument("--profile", action="store_true", help="also write where the gateway's time goes (needs perf)")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    place = Place(root, options.programs or root / ".build" / "release")
    names = [name for name in options.only.split(",") if name] or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]}; there are {', '.join(CASES)}")
    plan = Plan(options.quick)
    if options.rounds:
        plan.rounds = max(1, options.rounds)
    if options.profile:
        # Enough samples, and no second round of the same.
        plan.rounds, plan.seconds, plan.picture_seconds = 1, 4, 4
        plan.async_pictures, plan.sizes = 300, ["1K"]
        profiles.folder = place.work / "profiles"
    pictures.write_all(place.answers)
    results = run(place, plan, names)
    report.write(place, results)
    if options.publish:
        report.publish(place, results)
    print(report.table(results))
    return 1 if results["failures"] else 0


def run(place, plan, names):
    results = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "quick": plan.quick,
               "machine": machine.facts(), "versions": machine.versions(place), "cases": {}, "failures": {},
               "load_before": machine.load()}
    for name in names:
        begin, profiles.case = time.monotonic(), name
        print(f"{name} …", end=" ", flush=True, file=sys.stderr)
        try:
            results["cases"][name] = CASES[name](place, plan)
        except (RuntimeError, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            # One case that fails does not cost the others; the run is a failure all the same.
            results["failures"][name] = f"{type(error).__name__}: {error}"
            print(results["failures"][name], end=" ", file=sys.stderr)
        print(f"{time.monotonic() - begin:.0f} s", file=sys.stderr)
    results["load_after"] = machine.load()
    results["bars"] = bars.judge(results["cases"])
    return results


if __name__ == "__main__":
    sys.exit(main())

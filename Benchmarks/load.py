# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Load, and what it cost the server it was put on."""
import json
import pathlib
import statistics
import subprocess

import profiles

SCRIPTS = pathlib.Path(__file__).parent / "wrk"


def _last_line(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def pictures(place, port, path, body, clients, seconds, headers=(), at_least=0, requests=None):
    """Answers of any size, by the benchmark's own client, which finishes what it has begun."""
    command = [place.anchors, "load", "--port", port, "--path", path, "--body", body, "--clients", clients,
               "--seconds", seconds, "--at-least", at_least]
    for header in headers:
        command += ["--header", header]
    if requests:
        command += ["--requests", requests]
    return _last_line(command)


def wrk(port, script, file, clients, seconds, path="/", headers=()):
    """Small answers, by wrk."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", "--timeout", "30s", "-s", SCRIPTS / script]
    for header in headers:
        command += ["-H", header]
    return _last_line([*command, f"http://127.0.0.1:{port}{path}", "--", file])


def piece(place, name, **options):
    """Milliseconds of processor time of one piece of a picture's way."""
    command = [place.anchors, "piece", name]
    for option, value in options.items():
        command += [f"--{option}", value]
    return _last_line(command)["cpu_ms"]


def measured(program, work):
    """Runs a load and adds what the program spent on it."""
    program.forget_peak()
    before = program.cpu()
    with profiles.recorded(program):
        result = work()
    spent = program.cpu() - before
    if result["errors"]:
        # An answer that is no picture costs nothing and must not be counted as a fast one.
        raise RuntimeError(f"{program.name}: {result['errors']} of {result['requests']} failed: {result.get('error')}")
    result["rate"] = result["requests"] / result["seconds"]
    result["cpu_ms"] = spent * 1000 / max(1, result["requests"])
    result["peak_memory"] = program.memory()
    return result


def medians(results):
    """The median of every figure of several runs, and the spread of the rates."""
    numbers = {key for result in results for key, value in result.items() if isinstance(value, (int, float))}
    summary = {key: statistics.median(result[key] for result in results if key in result) for key in sorted(numbers)}
    rates = [result["rate"] for result in results if "rate" in result]
    if len(rates) > 1:
        summary["spread"] = (max(rates) - min(rates)) / statistics.median(rates)
    summary["runs"] = len(results)
    return summary


def interleaved(contenders, rounds):
    """Runs every contender in every round, in turning order, so that noise hits all; gives the medians by name.

    The first round is the warm-up and does not count.
    """
    results = {name: [] for name in contenders}
    names = list(contenders)
    for number in range(rounds + 1):
        turned = names[number % len(names):] + names[:number % len(names)]
        for name in turned:
            result = contenders[name](number == 0)
            if number > 0:
                results[name].append(result)
    return {name: medians(runs) for name, runs in results.items()}

# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""The results as JSON, as tables in docs/performance.md, and as plots."""
import json

import plots

BEGIN, END = "<!-- begin results -->", "<!-- end results -->"
NAMES = {"gateway": "gateway", "nginx": "nginx, buffers as they come", "nginx_tuned": "nginx, large buffers",
         "litellm": "LiteLLM", "hummingbird": "Hummingbird", "sqlite_alone": "SQLite, one row each commit",
         "sqlite_by_16": "SQLite, 16 rows each commit", "pieces": "the pieces, each alone",
         "direct": "the vendor itself"}


def write(place, results):
    (place.work / "results.json").write_text(json.dumps(results, indent=1) + "\n")


def publish(place, results):
    """Puts the results where they are read: a file of figures, plots, and the tables of the document."""
    folder = place.root / "docs" / "performance"
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    pictures = plots.draw(folder, results["cases"])
    document = place.root / "docs" / "performance.md"
    text = document.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    shown = "\n".join(f"![{title}](performance/{name})" for name, title in pictures)
    document.write_text(f"{before}{BEGIN}\n{table(results)}\n{shown}\n{END}{after}")


def table(results):
    """Everything as Markdown."""
    cases, parts = results["cases"], [_circumstances(results)]
    if results["bars"]:
        parts.append("### Against the bars\n\n" + _bars(results["bars"]))
    for name, title, columns in _SECTIONS:
        if name in cases:
            cells = cases[name].get("cells", cases[name])
            parts.append(f"### {title}\n\n" + _cells(cells, columns))
    if "memory" in cases:
        parts.append("### Eight pictures of 32 MB at once\n\n" + _memory(cases["memory"]))
    if "waiting" in cases:
        parts.append("### Tasks that wait\n\n" + _waiting(cases["waiting"]))
    if "start" in cases:
        parts.append("### Start to ready\n\n" + _start(cases["start"]))
    left_out = cases.get("sync", {}).get("left_out", [])
    left_out = left_out + [f"{name}: {why}" for name, why in results["failures"].items()]
    listed = "\n".join(f"- {line}" for line in left_out)
    parts.append("### Not measured in this run\n\n" + (listed or "Nothing is missing."))
    return "\n\n".join(parts) + "\n"


_PICTURES = ["rate", "p50", "p90", "p99", "cpu_ms", "peak_memory"]
_SECTIONS = [
    ("get", "`GET` of finished tasks", _PICTURES),
    ("create", "New tasks", _PICTURES),
    ("sync", "Synchronous `b64_json`", _PICTURES),
    ("async", "Asynchronous, into a bucket", _PICTURES),
    ("latency", "What the gateway adds", ["rate", "p50", "p90", "p99", "cpu_ms"]),
]
_HEADS = {"rate": "per second", "p50": "p50 ms", "p90": "p90 ms", "p99": "p99 ms", "cpu_ms": "CPU ms each",
          "peak_memory": "peak MB"}


def _circumstances(results):
    machine, versions = results["machine"], results["versions"]
    kind = "virtual machine" if machine["is_virtual"] else "machine"
    used = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    quick = " A quick run: for development, not for conclusions." if results["quick"] else ""
    return (f"{results['date']}; {kind} with {machine['cores']} cores ({machine['processor']}), "
            f"{machine['memory_gib']} GiB, {machine['system']}; {used}. "
            f"Load average before and after: {results['load_before']}, {results['load_after']}.{quick}")


def _number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _rows(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _bars(rows):
    return _rows(["work", "bar", "measured", ""], [
        [row["work"], f"{row['comparison']} {row['limit']:g} {row['unit']}".strip(),
         f"{_number(row['value'])} {row['unit']}".strip(), "met" if row["met"] else "**not met**"] for row in rows])


def _cells(cells, columns):
    rows = []
    for cell, contenders in cells.items():
        if not isinstance(contenders, dict):
            continue
        parts = cell.split("/")
        what = ", ".join(parts[:-1] + [f"{parts[-1]} client" + ("" if parts[-1] == "1" else "s")])
        for name, figures in contenders.items():
            values = [figures.get(column) for column in columns]
            if "peak_memory" in columns and values[-1] is not None:
                values[-1] /= 1e6
            rows.append([what, NAMES[name]] + [_number(value) for value in values])
    return _rows(["", ""] + [_HEADS[column] for column in columns], rows)


def _memory(case):
    flight = case["bytes_in_flight"] / 1e6
    return _rows(["way", "idle MB", "peak MB", "peak against 256 MB of pictures", "afterwards MB"], [
        [way, _number(case[name]["idle"] / 1e6), _number(case[name]["peak"] / 1e6),
         _number(case[name]["peak"] / 1e6 / flight), _number(case[name]["after"] / 1e6)]
        for way, name in (("synchronous `b64_json`", "synchronous"), ("into S3", "s3"))])


def _waiting(case):
    return _rows(["figure", "value"], [
        ["tasks, all made by 16 clients", f"{case['tasks']:,}"],
        ["made a second", _number(case["created_per_second"])],
        ["completed; failed; unfinished", f"{case['completed']:,}; {case['failed']}; {case['unfinished']}"],
        ["memory idle; waiting; peak", " MB; ".join(
            _number(case[name] / 1e6) for name in ("idle_memory", "memory_waiting", "peak_memory")) + " MB"],
        ["polls while all waited", f"{case['polls_watched']:,} in {case['watched_seconds']:.0f} s"],
        ["CPU while all waited", f"{case['cores'] * 100:.1f} % of a core, {case['cpu_ms_per_poll']:.2f} ms a poll"],
        ["distance between polls: shortest, mean, longest", ", ".join(
            f"{case[name]:.2f} s" for name in ("shortest_gap", "mean_gap", "longest_gap"))],
        ["late on average", f"{case['mean_lateness'] * 1000:.0f} ms"],
    ])


def _start(case):
    return _rows(["", "seconds"], [["files in memory", _number(case["in_memory"]["seconds"])],
                                   ["program read from disk", _number(case["from_disk"]["seconds"])]])

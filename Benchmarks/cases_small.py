# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""The small path: finished tasks, new tasks, the start."""
import json
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import load
import servers

CLIENTS = [1, 16, 64]


def wait(port, task, seconds=120):
    """The task, when it is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        view = servers.ask(port, f"/v1/images/tasks/{task}?wait=20")
        if view["status"] not in ("pending", "in_progress"):
            return view
    raise RuntimeError(f"task {task} is not over after {seconds} s")


def get_finished(place, plan):
    """GET of finished tasks, with a key, against the same framework with a handler that does nothing."""
    vendor, anchors = servers.start_vendor(place), servers.start_anchors(place)
    gateway = servers.start_gateway(place, servers.by_size(vendor))
    try:
        def make(_):
            body = {"model": "bench-small", "prompt": "a fox"}
            task = servers.ask(gateway.port, "/v1/images/generations/async", body)
            return wait(gateway.port, task["id"])

        with ThreadPoolExecutor(16) as pool:
            views = list(pool.map(make, range(plan.finished_tasks)))
        if any(view["status"] != "completed" for view in views):
            raise RuntimeError(f"a task failed: {views[0]}")
        paths = gateway.folder / "paths"
        paths.write_text("".join(f"/v1/images/tasks/{view['id']}\n" for view in views))

        def run(program, clients):
            return lambda is_warm_up: load.measured(program, lambda: load.wrk(
                program.port, "get.lua", paths, clients, 1 if is_warm_up else plan.seconds,
                headers=[servers.AUTHORIZATION]))

        return {str(clients): load.interleaved(
            {"gateway": run(gateway, clients), "hummingbird": run(anchors, clients)}, plan.rounds)
            for clients in CLIENTS}
    finally:
        for program in (gateway, anchors, vendor):
            program.stop()


def create(place, plan):
    """New tasks, each on the disk before its answer, against a handler that only reads the body."""
    folder = place.folder("create")
    body = folder / "body.json"
    body.write_text(json.dumps({"model": "slow", "prompt": "a fox in the snow, reading a map", "size": "1024x1024"}))
    # The vendor takes long and one call at a time: what is measured is the taking in, not the work.
    anchors = servers.start_anchors(place, delay=600_000, answer=place.answers / "small.json")
    slow = servers.gemini("slow", servers.url(anchors.port, "/painter"), "slow") | {"max_concurrent": 1}
    headers = [servers.AUTHORIZATION]

    def taken_by_gateway(clients):
        def run(is_warm_up):
            gateway = servers.start_gateway(place, [slow], settings=plan.create_settings)
            try:
                return load.measured(gateway, lambda: load.wrk(
                    gateway.port, "post.lua", body, clients, 1 if is_warm_up else plan.seconds,
                    "/v1/images/generations/async", headers))
            finally:
                gateway.stop()
        return run

    def taken_by_hummingbird(clients):
        return lambda is_warm_up: load.measured(anchors, lambda: load.wrk(
            anchors.port, "post.lua", body, clients, 1 if is_warm_up else plan.seconds,
            "/v1/images/generations/async", headers))

    try:
        results = {}
        for clients in CLIENTS:
            contenders = {"gateway": taken_by_gateway(clients), "hummingbird": taken_by_hummingbird(clients)}
            if clients == CLIENTS[-1]:
                contenders["sqlite_alone"] = lambda _: rows(folder, 1, plan.seconds)
                contenders["sqlite_by_16"] = lambda _: rows(folder, 16, plan.seconds)
            results[str(clients)] = load.interleaved(contenders, plan.rounds)
        return results
    finally:
        anchors.stop()


def rows(folder, group, seconds):
    """How many rows a second SQLite itself takes on this disk, each group of them synced."""
    path = folder / f"rows-{group}.sqlite"
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(f"{path}{suffix}"):
            os.remove(f"{path}{suffix}")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE tasks (id TEXT PRIMARY KEY, owner TEXT, state TEXT, created INTEGER, body TEXT)")
    connection.execute("CREATE INDEX by_state ON tasks (state, created)")
    text = "x" * 400
    begin, before, number = time.monotonic(), time.process_time(), 0
    while time.monotonic() - begin < seconds:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(group):
            number += 1
            connection.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?)",
                               (f"image_{number:026}", "bench", "queued", number, text))
        connection.execute("COMMIT")
    took, spent = time.monotonic() - begin, time.process_time() - before
    connection.close()
    return {"requests": number, "rate": number / took, "cpu_ms": spent * 1000 / number, "seconds": took}


def start(place, plan):
    """From an empty folder to the first good answer about readiness, with the program in memory and on disk."""
    vendor = servers.start_vendor(place)

    def run(evict):
        def one(_):
            if evict:
                forget_pages(place.gateway)
            begin = time.monotonic()
            gateway = servers.start_gateway(place, servers.by_size(vendor), ready=False)
            try:
                gateway.wait_for(lambda: servers.is_ready(gateway.port), seconds=30)
                return {"seconds": time.monotonic() - begin, "memory": gateway.memory("VmRSS")}
            finally:
                gateway.stop()
        return one

    try:
        return load.interleaved({"in_memory": run(False), "from_disk": run(True)}, plan.starts)
    finally:
        vendor.stop()


def forget_pages(program):
    """Asks the system to drop a program's file from memory; libraries that others use stay."""
    with open(program, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)



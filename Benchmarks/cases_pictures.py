# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""The way of a picture: to a waiting caller, into a bucket, and what it takes of memory."""
import json
import time
from concurrent.futures import ThreadPoolExecutor

import load
import servers
from cases_small import wait
from pictures import SIZES

CLIENTS = [1, 16, 64]
# What LiteLLM was seen to need for each byte of a picture; cells that would not fit are left out and named.
LITELLM_BYTES_PER_BYTE = 12


def body(size):
    return json.dumps({"model": f"bench-{size}", "prompt": "a fox in the snow, reading a map"})


def picture_load(place, program, path, size, key, clients, seconds):
    """A load of synchronous calls whose answers must hold the whole picture in base64."""
    return load.measured(program, lambda: load.pictures(
        place, program.port, path, body(size), clients, seconds, [f"Authorization: Bearer {key}"],
        at_least=SIZES[size][1] * 4 // 3))


def synchronous(place, plan):
    """Synchronous b64_json through gateway, nginx and LiteLLM, for each size of picture and number of callers."""
    vendor = servers.start_vendor(place)
    programs = [vendor]
    try:
        gateway = servers.start_gateway(place, servers.by_size(vendor))
        programs.append(gateway)
        nginx = servers.start_pass_through(place, vendor)
        programs.append(nginx)
        litellm = servers.start_litellm(place, vendor)
        if litellm:
            programs.append(litellm)
        results, left_out = {}, []
        for size in plan.sizes:
            for clients in CLIENTS:
                cell = _contenders(place, plan, size, clients, gateway, nginx)
                if litellm and _fits(size, clients):
                    cell["litellm"] = _run(place, litellm, "/v1/images/generations", size, "sk-" + servers.KEY, clients,
                                           plan)
                else:
                    left_out.append(f"LiteLLM, {size}, {clients} clients: "
                                    + ("it would need more than half of the free memory" if litellm else "not installed"))
                results[f"{size}/{clients}"] = load.interleaved(cell, plan.rounds)
        return {"cells": results, "left_out": left_out}
    finally:
        for program in programs:
            program.stop()


def _contenders(place, plan, size, clients, gateway, nginx):
    return {
        "gateway": _run(place, gateway, "/v1/images/generations", size, servers.KEY, clients, plan),
        "nginx": _run(place, nginx, f"/plain/{size}", size, servers.KEY, clients, plan),
        "nginx_tuned": _run(place, nginx, f"/tuned/{size}", size, servers.KEY, clients, plan),
    }


def _run(place, program, path, size, key, clients, plan):
    return lambda is_warm_up: picture_load(
        place, program, path, size, key, clients,
        plan.picture_seconds / 4 if is_warm_up else plan.picture_seconds)


def _fits(size, clients):
    with open("/proc/meminfo") as file:
        free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    return SIZES[size][1] * clients * LITELLM_BYTES_PER_BYTE < free * 0.5


def memory(place, plan):
    """The peak of memory with eight pictures of 32 MB at once, each time in a process that has done nothing else."""
    vendor, anchors = servers.start_vendor(place), servers.start_anchors(place)

    def run(way):
        def one(_):
            gateway = servers.start_gateway(
                place, servers.by_size(vendor), servers.s3(anchors) if way == "s3" else None)
            try:
                idle = gateway.memory("VmRSS")
                if way == "s3":
                    into_bucket(gateway, "4K", plan.memory_pictures, 8)
                else:
                    picture_load(place, gateway, "/v1/images/generations", "4K", servers.KEY, 8, plan.seconds)
                return {"idle": idle, "peak": gateway.memory(), "after": gateway.memory("VmRSS")}
            finally:
                gateway.stop()
        return one

    try:
        results = load.interleaved({"synchronous": run("synchronous"), "s3": run("s3")}, plan.rounds)
        results["bytes_in_flight"] = 8 * SIZES["4K"][1]
        return results
    finally:
        anchors.stop()
        vendor.stop()


def into_bucket(gateway, size, count, at_once):
    """Makes tasks and waits until their pictures are in the bucket."""
    begin = time.monotonic()
    latencies = []

    def one(_):
        start = time.monotonic()
        task = servers.ask(gateway.port, "/v1/images/generations/async", json.loads(body(size)))
        view = wait(gateway.port, task["id"])
        latencies.append((time.monotonic() - start) * 1000)
        return view["status"]

    with ThreadPoolExecutor(at_once) as pool:
        statuses = list(pool.map(one, range(count)))
    latencies.sort()
    return {"requests": count, "errors": sum(status != "completed" for status in statuses),
            "seconds": time.monotonic() - begin, "p50": latencies[count // 2], "p90": latencies[count * 9 // 10],
            "p99": latencies[count * 99 // 100]}


def asynchronous(place, plan):
    """The same pictures into a bucket, beside the pieces of which that work consists, each alone."""
    vendor, anchors = servers.start_vendor(place), servers.start_anchors(place)
    gateway = servers.start_gateway(place, servers.by_size(vendor), servers.s3(anchors))

    def pieces(size):
        files = {"picture": place.answers / f"{size}.png", "text": place.answers / f"{size}.b64"}
        times = plan.piece_times if size == "1K" else max(8, plan.piece_times // 8)

        def one(_):
            parts = {
                "receive": load.piece(place, "receive", port=vendor.port, path=f"/{size}.json", times=times),
                "decode_own": load.piece(place, "decode", file=files["text"], times=times),
                "decode_openssl": load.piece(place, "decode-openssl", file=files["text"], times=times),
                "hash": load.piece(place, "hash", file=files["picture"], times=times),
                "send": load.piece(place, "send", port=anchors.port, path="/bucket/piece.png", file=files["picture"],
                                   times=times),
            }
            decode = min(parts["decode_own"], parts["decode_openssl"])
            return parts | {"cpu_ms": parts["receive"] + decode + parts["hash"] + parts["send"]}
        return one

    def run(size, clients):
        def one(is_warm_up):
            count = max(clients, plan.async_pictures // (1 if size == "1K" else 8))
            return load.measured(gateway, lambda: into_bucket(
                gateway, size, max(4, count // 4) if is_warm_up else count, clients))
        return one

    try:
        results = {}
        for size in plan.sizes:
            for clients in CLIENTS if size == "1K" else [16]:
                contenders = {"gateway": run(size, clients)}
                if clients == 16:
                    contenders["pieces"] = pieces(size)
                results[f"{size}/{clients}"] = load.interleaved(contenders, plan.rounds)
        return results
    finally:
        for program in (gateway, anchors, vendor):
            program.stop()


def latency(place, plan):
    """What the gateway adds to a call with a small picture: one caller at a time at a vendor that answers at once, and
    64 callers at a vendor that takes a tenth of a second, asked directly and through the gateway."""
    delay = 100
    quick = servers.start_anchors(place, "quick-vendor", answer=place.answers / "small.json")
    slow = servers.start_anchors(place, "slow-vendor", answer=place.answers / "small.json", delay=delay)
    gateway = servers.start_gateway(place, [
        servers.gemini("quick", servers.url(quick.port, "/painter"), "quick"),
        servers.gemini("slow", servers.url(slow.port, "/painter"), "slow")])
    at_least = SIZES["small"][1] * 4 // 3

    def run(program, path, model, clients):
        return lambda is_warm_up: load.measured(program, lambda: load.pictures(
            place, program.port, path, json.dumps({"model": model, "prompt": "a fox"}), clients,
            plan.seconds / 4 if is_warm_up else plan.seconds, [servers.AUTHORIZATION], at_least=at_least))

    try:
        results = {}
        for model, vendor, clients in (("quick", quick, 1), ("slow", slow, 64), ("quick", quick, 64)):
            results[f"{model}/{clients}"] = load.interleaved({
                "direct": run(vendor, "/painter/v1beta/models/m:generateContent", model, clients),
                "gateway": run(gateway, "/v1/images/generations", model, clients)}, max(plan.rounds, 3))
        results["delay_ms"] = delay
        return results
    finally:
        for program in (gateway, slow, quick):
            program.stop()

# Part of ImageGateway. SPDX-License-Identifier: Apache-2.0
"""Thousands of tasks that wait at a vendor."""
import json
import statistics
import time

import load
import servers

# A poll is planned at the interval, give or take a tenth.
SPREAD = 0.1


def waiting(place, plan):
    """Makes the tasks, lets them wait, and reads the vendor's notes of when it was asked."""
    vendor = servers.start_anchors(
        place, "task-vendor", picture=place.answers / "small.png", duration=plan.waiting_seconds * 1000)
    gateway = servers.start_gateway(place, [{
        "name": "hingnet", "kind": "hingnet", "base_url": servers.url(vendor.port, "/tasks"), "api_keys": ["unused"],
        "allow_private_network": True, "poll_interval": f"{plan.poll_seconds}s"}])
    try:
        idle = gateway.memory("VmRSS")
        made = make(place, gateway, plan.waiting_tasks)
        window = watch(gateway, vendor, plan)
        finished = wait_for_all(gateway, vendor, plan)
        return made | window | finished | punctuality(notes(vendor), plan) | {"idle_memory": idle}
    finally:
        gateway.stop()
        vendor.stop()


def make(place, gateway, count):
    body = json.dumps({"model": "gemini-3-pro-image-preview", "prompt": "a fox in the snow"})
    before = gateway.cpu()
    made = load.pictures(place, gateway.port, "/v1/images/generations/async", body, 16, 600, [servers.AUTHORIZATION],
                         requests=count)
    if made["errors"] or made["requests"] != count:
        raise RuntimeError(f"{made['errors']} of {made['requests']} tasks were not taken: {made['error']}")
    return {"tasks": count, "created_per_second": count / made["seconds"],
            "cpu_ms_per_creation": (gateway.cpu() - before) * 1000 / count}


def notes(vendor):
    return servers.ask(vendor.port, "/tasks/notes")


def watch(gateway, vendor, plan):
    """Processor time and memory while every task waits: from when the vendor has all to when the first is done."""
    end = time.monotonic() + plan.waiting_seconds
    while True:
        seen = notes(vendor)
        if len(seen["jobs"]) == plan.waiting_tasks:
            break
        if time.monotonic() > end:
            raise RuntimeError(f"the vendor has {len(seen['jobs'])} of {plan.waiting_tasks} tasks")
        time.sleep(0.2)
    first = min(job[0] for job in seen["jobs"])
    time.sleep(1)
    begin, cpu = notes(vendor)["now"], gateway.cpu()
    time.sleep(max(1, (first + plan.waiting_seconds * 1000 - begin) / 1000 - 1))
    cpu = gateway.cpu() - cpu
    after = notes(vendor)
    polls = sum(begin < poll <= after["now"] for job in after["jobs"] for poll in job[1:])
    seconds = (after["now"] - begin) / 1000
    return {"watched_seconds": seconds, "polls_watched": polls, "cores": cpu / seconds,
            "cpu_ms_per_poll": cpu * 1000 / max(1, polls), "memory_waiting": gateway.memory("VmRSS"),
            "peak_memory_waiting": gateway.memory()}


def wait_for_all(gateway, vendor, plan):
    """Until the list of tasks that are not over is empty."""
    end = time.monotonic() + plan.waiting_seconds + 4 * plan.poll_seconds + 60
    while time.monotonic() < end:
        open_ones = sum(len(listed(gateway, status, 1)) for status in ("pending", "in_progress"))
        if not open_ones:
            break
        time.sleep(0.5)
    failed = len(listed(gateway, "failed", 100))
    return {"unfinished": open_ones, "failed": failed, "completed": completed(gateway),
            "peak_memory": gateway.memory()}


def listed(gateway, status, limit, after=""):
    query = f"/v1/images/tasks?status={status}&limit={limit}" + (f"&after={after}" if after else "")
    return [task["id"] for task in servers.ask(gateway.port, query)["data"]]


def completed(gateway):
    count, after = 0, ""
    while True:
        page = listed(gateway, "completed", 100, after)
        count += len(page)
        if len(page) < 100:
            return count
        after = page[-1]


def punctuality(seen, plan):
    """How late polls were.

    The vendor does not know the moment a poll was planned for, only that it lies within a tenth of the interval. So two
    things are said: how much later than the latest possible moment the latest poll came, and by how much the mean gap
    is longer than the interval, which is how late polls were on average.
    """
    gaps = [(later - earlier) / 1000 for job in seen["jobs"] for earlier, later in zip(job, job[1:])]
    interval = plan.poll_seconds
    return {"polls": len(gaps), "mean_gap": statistics.mean(gaps), "shortest_gap": min(gaps), "longest_gap": max(gaps),
            "mean_lateness": statistics.mean(gaps) - interval,
            "latest_beyond_plan": max(gaps) - interval * (1 + SPREAD),
            "polls_beyond_plan": sum(gap > interval * (1 + SPREAD) + 1 for gap in gaps)}

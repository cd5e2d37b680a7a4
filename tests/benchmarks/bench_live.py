"""What the live view costs a training: CPU by thread and update, and bytes on the wire.

Run it with ``python tests/benchmarks/bench_live.py [--seconds N] [--rounds N]``.

A real kernel logs to a run while its view follows; bytes are those of all frames that arrive at
the kernel's output socket, envelopes and all. Each case is run with the view and without it, and
the CPU of the training thread compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from typing import Any

from jupyter_client.manager import start_new_kernel

LIMITS = {"main ms/update": 1.0, "kB/s (most in 1 s)": 50.0}
SETUP = """
import json, math, threading, time
import psutil
from nbtrack.records import RunInfo
from nbtrack.store import Store
from nbtrack.views import live

store = Store(FOLDER)
KEYS = ["loss", "grad_norm/total", "weight_norm/total", "update_ratio/total", "lr/group0",
        "throughput/steps_per_s", "throughput/data_wait", "system/memory_gib", "system/cpu_pct",
        "accuracy"]

def cpu(thread_id):
    return sum(t.user_time + t.system_time for t in psutil.Process().threads() if t.id == thread_id)

def train(steps_per_s, seconds, has_view, before):
    writer = store.start(RunInfo(id=store.new_id(), name="bench", started_s=time.time()))
    for step in range(before):
        writer.emit(KEYS, [math.sin(step / 50 + k) + 2 for k in range(10)], step, writer.now())
    view = None
    if has_view:
        view = live(store.get(writer.info.id))
        view.display()
        time.sleep(3.0 if before else 0.0)  # what a page gets when it opens is not an update
        print("begin", flush=True)
        view_id = view._thread.native_id
        view_s = cpu(view_id)
    began, main_s = time.perf_counter(), time.thread_time()
    step = before
    while (now := time.perf_counter() - began) < seconds:
        while step - before < now * steps_per_s:
            writer.emit(KEYS, [math.sin(step / 50 + k) + 2 for k in range(10)], step, writer.now())
            step += 1
        time.sleep(0.002)
    result = {"main_s": time.thread_time() - main_s, "steps": step - before}
    if view is not None:
        result["view_s"] = cpu(view_id) - view_s
        print("end", flush=True)
        result["errors"] = view.num_errors
    writer.finish("done")
    if view is not None:
        view.finish()
    print(json.dumps(result))
"""


def run(client: Any, code: str) -> tuple[list[tuple[float, str, int, int]], dict[str, Any]]:
    """Execute code; returns (time, kind, bytes, bytes of points) of each message, and its result.

    Only messages between the words ``begin`` and ``end`` are kept.
    """
    request = client.execute(code)
    messages: list[tuple[float, str, int, int]] = []
    result: dict[str, Any] = {}
    is_on = False
    while True:
        frames = client.iopub_channel.socket.recv_multipart()
        _, parts = client.session.feed_identities(frames)
        message = client.session.deserialize(parts)
        content, kind = message["content"], message["header"]["msg_type"]
        if kind == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        if kind == "stream":
            for line in content["text"].splitlines():
                is_on = (is_on or line == "begin") and line != "end"
                if line.startswith("{"):
                    result = json.loads(line)
        if kind == "comm_msg" and is_on:
            label = content["data"].get("content", {}).get("t", "state")
            size = sum(map(len, frames))
            messages.append((time.monotonic(), label, size, sum(map(len, message["buffers"]))))
        is_mine = message["parent_header"].get("msg_id") == request
        if kind == "status" and content["execution_state"] == "idle" and is_mine:
            return messages, result


def most_in_a_second(messages: list[tuple[float, str, int, int]]) -> int:
    """The largest number of bytes that arrived within any second."""
    return max(
        (sum(n for t, _, n, _ in messages if at <= t < at + 1.0) for at, *_ in messages), default=0
    )


def measure(client: Any, steps_per_s: int, seconds: float, before: int) -> dict[str, float]:
    """One case, with and without the view."""
    call = f"train({steps_per_s}, {seconds}, {{}}, {before})"
    _, plain = run(client, call.format(False))
    messages, viewed = run(client, call.format(True))
    assert viewed["errors"] == 0, "the view failed"
    rows = [message for message in messages if message[1] == "rows"]
    updates = max(len(rows), 1)
    return {
        "updates/s": len(rows) / seconds,
        "main ms/update": 1e3 * (viewed["main_s"] - plain["main_s"]) / updates,
        "view ms/update": 1e3 * viewed["view_s"] / updates,
        "B/update": sum(message[2] for message in rows) / updates,
        "kB/s (mean)": sum(message[2] for message in messages) / seconds / 1e3,
        "kB/s (most in 1 s)": most_in_a_second(messages) / 1e3,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case; medians count")
    options = parser.parse_args()
    cases = [
        ("10 steps/s", 10, 0),
        ("100 steps/s", 100, 0),
        ("1,000 steps/s", 1000, 0),
        ("1,000 steps/s after 300,000", 1000, 300_000),
    ]
    manager, client = start_new_kernel()
    heads = None
    try:
        with tempfile.TemporaryDirectory() as folder:
            run(client, SETUP.replace("FOLDER", repr(folder)))
            run(client, "train(50, 1.0, True, 0)")  # imports, and the first widget
            for name, steps_per_s, before in cases:
                rounds = [
                    measure(client, steps_per_s, options.seconds, before)
                    for _ in range(options.rounds)
                ]
                figures = {head: statistics.median(r[head] for r in rounds) for head in rounds[0]}
                if heads is None:
                    heads = list(figures)
                    print(" | ".join(["10 series".ljust(28), *heads]))
                cells = [f"{figures[head]:.2f}".rjust(len(head)) for head in heads]
                print(" | ".join([name.ljust(28), *cells]), flush=True)
                for head, limit in LIMITS.items():
                    if figures[head] > limit:
                        print(f"  over the limit: {head} at most {limit}")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()

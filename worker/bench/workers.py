"""The workers of one measured night: processes that begin at one moment."""

import time
from pathlib import Path
from typing import Any

from config.catalogue import text
from worker.bench.errors import BenchError
from worker.bench.processes import answer_of, give_line, started


def night_of(env_file: Path, now: str, approve: str, workers: int, profile: bool = False) -> dict[str, Any]:
    """Have so many workers carry out one night; seconds from its begin until the last of them is done."""
    arguments = [str(env_file), now, approve, "profile" if profile else "-"]
    roles = ["night", *["join"] * (workers - 1)]
    with started("worker.bench.process", [[role, *arguments] for role in roles]) as processes:
        begun = time.perf_counter()
        for process in processes:
            give_line(process)
        said = [answer_of(process) for process in processes]
        seconds = time.perf_counter() - begun
    first, run = said[0], said[0]["run"]
    if run["state"] != "done":
        raise BenchError(text("bench_refuses.not_done", state=run["state"], reason=run["reason"] or ""))
    return {
        "seconds": seconds,
        "planned_seconds": run["planned_seconds"],
        "cpu_seconds": sum(s["cpu_seconds"] for s in said),
        "rows": sum(s["rows"] for s in said),
        "slices": sorted(ms for s in said for ms in s["slices"]),
        "profile": first["profile"],
        "peak_memory_mb": max(s["peak_memory_mb"] for s in said),
    }

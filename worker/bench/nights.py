"""`bench night`: limit and night in turn, A B A B, after a warm-up; medians."""

from collections.abc import Sequence
from functools import partial
from statistics import median
from typing import Any

from config.catalogue import text
from worker.bench.bench import Bench, rate
from worker.bench.cases import Case
from worker.bench.figures import percentile

CONNECTIONS = {"one": 1, "two": 2}


def measure(bench: Bench, case: Case, workers: Sequence[int], repeat: int) -> dict[str, Any]:
    """The figures of one case. The warm-up is also what is profiled: it counts for nothing else."""
    approve = bench.approved(case)
    most = bench.ground.workers_at_once
    by_hand = {name: partial(bench.limit, case, n) for name, n in CONNECTIONS.items() if n <= most}
    by_hand["batches"] = partial(bench.batches, case)
    workers = [n for n in workers if n <= most]
    limits: dict[str, list[dict[str, Any]]] = {name: [] for name in by_hand}
    nights: dict[int, list[dict[str, Any]]] = {n: [] for n in workers}
    bench.tell("warming", {"case": case.name})
    bench.limit(case, 1)
    profile = bench.night(case, approve, workers[0], profile=True)["profile"]
    for number in range(1, repeat + 1):
        names = {"case": case.name, "number": str(number), "repeat": str(repeat)}
        for name, turn in by_hand.items():
            bench.tell("limit", names | {"way": text(f"bench_limit.{name}")})
            limits[name].append(turn())
        for n in workers:
            bench.tell("night", names | {"n": str(n)})
            nights[n].append(bench.night(case, approve, n))
    return _figures(limits, nights, profile)


def _figures(
    limits: dict[str, list[dict[str, Any]]], nights: dict[int, list[dict[str, Any]]], profile: Any
) -> dict[str, Any]:
    found = {name: rate(turns) for name, turns in limits.items()}
    return {
        "limit": {"one": found["one"], "two": found.get("two"), "batches": found["batches"]},
        "limit_log_bytes": _middle(limits["one"], "log_bytes"),
        "night": [_night_figures(n, turns, found) for n, turns in nights.items()],
        "profile": profile,
    }


def _night_figures(workers: int, turns: list[dict[str, Any]], limits: dict[str, int]) -> dict[str, Any]:
    rows_per_second = rate(turns)
    beside = limits["one" if workers == 1 else "two"]
    slices = [ms for turn in turns for ms in turn["slices"]]
    return {
        "workers": workers,
        "rows_per_second": rows_per_second,
        "ratio": round(rows_per_second / max(1, beside), 3),
        "ratio_to_one": round(rows_per_second / max(1, limits["one"]), 3),
        "ratio_without_planning": round(rate(turns, planning=False) / max(1, beside), 3),
        "p95_transaction_ms": percentile(slices, 95),
        "longest_transaction_ms": max(slices, default=0.0),
        "peak_memory_mb": max(turn["peak_memory_mb"] for turn in turns),
        "log_bytes": _middle(turns, "log_bytes"),
        "rows": turns[0]["rows"],
        "slices": int(median(len(turn["slices"]) for turn in turns)),
        "seconds": round(median(turn["seconds"] for turn in turns), 2),
        "cpu_seconds": round(median(turn["cpu_seconds"] for turn in turns), 2),
        "planning_seconds": round(median(turn["planned_seconds"] for turn in turns), 2),
    }


def _middle(turns: list[dict[str, Any]], name: str) -> int | None:
    known = [turn[name] for turn in turns if turn[name] is not None]
    return int(median(known)) if known else None

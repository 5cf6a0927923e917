"""`bench guest`: what the operator's own application notices of one big UPDATE, of the same in batches, and of a
night."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from worker.bench import pgbench
from worker.bench.bench import Bench
from worker.bench.cases import CASES, MAIN
from worker.bench.limit import in_batches, limit
from worker.bench.processes import answer_of, give_line, started
from worker.bench.workers import night_of

CASE = CASES[MAIN]
WORKED = ("update", "batches", "night")


@dataclass(frozen=True)
class Visiting:
    """How often the application comes, over how many connections, and for how long while nothing else happens."""

    rate: int
    clients: int
    seconds: int


def measure_guest(bench: Bench, visiting: Visiting) -> dict[str, Any]:
    """Latencies in milliseconds: idle, during the UPDATE, during its batches, during the night."""
    approve = bench.approved(CASE)
    found: dict[str, Any] = {"visitors": _program(bench)}
    bench.tell("guest_idle", {})
    url, env_file = bench.installed(CASE)
    found["idle"] = _beside(bench, visiting, url, lambda: time.sleep(visiting.seconds))
    bench.tell("guest_night", {})
    found["night"] = _beside(bench, visiting, url, lambda: night_of(env_file, bench.size.now, approve, 1))
    bench.tell("guest_batches", {})
    url = bench.ground.fresh()
    found["batches"] = _beside(bench, visiting, url, lambda: in_batches(url, CASE, bench.size))
    bench.tell("guest_update", {})
    url = bench.ground.fresh()
    found["update"] = _beside(bench, visiting, url, lambda: limit(url, CASE, bench.size, 1))
    idle = max(0.01, found["idle"]["p99"])
    return {**found, "p99_times_idle": {name: round(found[name]["p99"] / idle, 2) for name in WORKED}}


def _program(bench: Bench) -> str:
    """pgbench where it can be used, else a program of our own."""
    return "pgbench" if bench.ground.dialect == "postgresql" and pgbench.program() is not None else "python"


def _beside(bench: Bench, visiting: Visiting, url: str, work: Callable[[], Any]) -> dict[str, Any]:
    """What the visitors measure while the work is done, and how long that took."""
    took: list[float] = []

    def timed() -> None:
        begun = time.perf_counter()
        work()
        took.append(round(time.perf_counter() - begun, 1))

    if _program(bench) == "pgbench":
        found = pgbench.visits_beside(timed, url, bench.folder, bench.size.people, visiting.rate, visiting.clients)
    else:
        found = _by_ourselves(bench, visiting, url, timed)
    return {"seconds": took[0], **found}


def _by_ourselves(bench: Bench, visiting: Visiting, url: str, work: Callable[[], Any]) -> dict[str, Any]:
    arguments = [str(bench.size.people), str(visiting.rate), str(visiting.clients)]
    with started("worker.bench.visitors", [arguments], secret=url) as (visitors,):
        give_line(visitors)
        work()
        give_line(visitors)
        found: dict[str, Any] = answer_of(visitors)
    return found

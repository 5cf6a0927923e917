"""The bench's arithmetic, and where its profile says that the time goes."""

import sys
import threading
from pathlib import Path
from types import FrameType

import pytest
import sqlalchemy as sa

from worker.bench.cases import CASES, MAIN
from worker.bench.figures import latencies_in_short, percentile
from worker.bench.ground import own_only
from worker.bench.growth import NIGHTS, exponents
from worker.bench.limit import limit
from worker.bench.rows import Size
from worker.bench.sampling import Sampler, place_of


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (99.9, 100), (100, 100), (0, 1)])
def test_percentiles_are_values_that_were_measured(percent: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), percent) == value


def test_of_nothing_measured_nothing_is_made() -> None:
    assert latencies_in_short([]) == {"visits": 0, "p50": 0.0, "p99": 0.0, "p99_9": 0.0, "max": 0.0}


def test_an_exponent_of_one_is_in_proportion() -> None:
    def size(people: int, seconds: float) -> dict[str, object]:
        return {"people": people, **{night: {"seconds": seconds, "planning_seconds": seconds**2} for night in NIGHTS}}

    found = exponents([size(10, 1.0), size(50, 2.0), size(1000, 100.0)])
    assert set(found) == set(NIGHTS)
    assert found["first"] == {"seconds": 1.0, "planning_seconds": 2.0}


@pytest.mark.parametrize("database", ["agency", None, "bench"])
def test_another_database_than_its_own_is_not_touched(database: str | None) -> None:
    with pytest.raises(AssertionError, match="not its own"):
        own_only(sa.URL.create("postgresql", database=database))


def frame_in(module: str, source: str) -> FrameType:
    """A frame of a function `f` of a module with this name, stopped where it calls `stop`."""
    found: list[FrameType] = []
    names = {"__name__": module, "stop": lambda: found.append(sys._getframe(1))}
    exec(source, names)
    f = names["f"]
    assert callable(f)
    f()
    return found[0]


def test_a_limit_that_nobody_can_measure_is_an_error(tmp_path: Path) -> None:
    nowhere = f"sqlite:///{tmp_path}/missing/merzim_bench_x"
    with pytest.raises(sa.exc.OperationalError):
        limit(nowhere, CASES[MAIN], Size(10, 0, 20, "2026-11-30 00:00:00"), 1)


def test_a_step_is_a_module_of_the_pipeline_and_the_statement_that_is_waited_for() -> None:
    database = "def do_execute(cursor, statement):\n    stop()\n\ndef f():\n    do_execute(None, ' UPDATE x SET y')\n"
    frame = frame_in("sqlalchemy.engine.default", database)
    assert place_of(frame) == ("", "", "UPDATE")
    assert place_of(frame_in("worker.pipeline.claim", "def f():\n    stop()\n")) == (
        "claim",
        "pipeline.claim.f",
        "python",
    )


def test_rows_that_are_streamed_are_waited_for_too() -> None:
    streamed = "def stream(query):\n    yield stop()\n\ndef f():\n    list(stream('WITH x AS (SELECT 1) SELECT 2'))\n"
    assert place_of(frame_in("psycopg.cursor", streamed)) == ("", "", "WITH")


WORK = """
def f():
    while sampler.seen.total() < 100:
        compute()
        wait()

def compute():
    sum(n for n in range(50_000))

def wait():
    event.wait(0.0001)
"""


def test_what_python_computes_is_not_taken_for_the_wait_after_it() -> None:
    sampler = Sampler()
    names = {"__name__": "worker.pipeline.claim", "sampler": sampler, "event": threading.Event()}
    exec(WORK, names)
    work = names["f"]
    assert callable(work)
    sampler.start()
    work()
    seen = {f["function"]: f["share"] for f in sampler.stop()["functions"]}
    assert sum(share for function, share in seen.items() if function != "pipeline.claim.wait") > 0.1


def test_a_thread_that_does_nothing_of_ours_has_no_step() -> None:
    frame = sys._current_frames()[threading.get_ident()]
    assert place_of(frame) == ("", "", "python")

"""The database's own limit: the one statement that does the same to the same rows, over one connection or two, or in
batches."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import IsolationLevel

from worker.bench.cases import Case
from worker.bench.ground import engine_of, own_only
from worker.bench.rows import Size
from worker.bench.sql import sql_of

BATCH_DUE = 500


def limit(url: str, case: Case, size: Size, connections: int) -> tuple[int, float]:
    """Rows, and the seconds until the last connection has committed."""
    middle = size.people // 2
    halves = ["> 0"] if connections == 1 else [f"<= {middle}", f"> {middle}"]
    sql = sql_of(url)
    ready = threading.Barrier(len(halves) + 1)
    with ThreadPoolExecutor(len(halves)) as threads, _nobody_waits_in_vain(ready):
        done = [threads.submit(_change, url, case.limit(sql, size, half), ready) for half in halves]
        with suppress(threading.BrokenBarrierError):  # what broke it stands in a result
            ready.wait()
        begun = time.perf_counter()
        rows = sum(each.result() for each in done)
        return rows, time.perf_counter() - begun


def in_batches(url: str, case: Case, size: Size) -> tuple[int, float]:
    """The statement for about so many due people at a time, each with a COMMIT of its own, and nothing else. Rows, and
    seconds."""
    step, rows = BATCH_DUE * 100 // size.due, 0
    own_only(sa.make_url(url))
    with engine_of(url) as engine, engine.connect() as connection:
        begun = time.perf_counter()
        for first in range(1, size.people + 1, step):
            keys = f"BETWEEN {first} AND {first + step - 1}"
            rows += connection.exec_driver_sql(case.limit(sql_of(url), size, keys)).rowcount
        return rows, time.perf_counter() - begun


def _change(url: str, statement: str, ready: threading.Barrier) -> int:
    own_only(sa.make_url(url))
    isolation: IsolationLevel = "SERIALIZABLE" if url.startswith("sqlite") else "READ COMMITTED"
    with (
        _nobody_waits_in_vain(ready),
        engine_of(url, isolation) as engine,
        engine.connect() as connection,
        connection.begin(),
    ):
        ready.wait()
        return connection.exec_driver_sql(statement).rowcount


@contextmanager
def _nobody_waits_in_vain(ready: threading.Barrier) -> Iterator[None]:
    """For somebody who was interrupted, or could not connect."""
    try:
        yield
    except BaseException:
        ready.abort()
        raise

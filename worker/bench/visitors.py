"""The operator's own application beside a night, where pgbench cannot play it: point reads and updates by key on a
fixed schedule, in a process of its own: `python -m worker.bench.visitors PEOPLE RATE CLIENTS`, with the URL as the
first line of standard input.

A latency counts from the moment that the schedule names, so whoever waits in a queue behind a slow one is counted too.
It says that it is ready, begins at the next line, ends at the one after it, and prints what it measured.
"""

import json
import random
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from worker.bench.figures import latencies_in_short
from worker.bench.ground import engine_of, own_only


@dataclass
class Visits:
    """One client's visits: every number-th of `rate` a second."""

    number: int
    clients: int
    rate: float
    people: int
    ready: threading.Barrier
    begin: threading.Event
    end: threading.Event
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    def go(self, engine: sa.Engine) -> None:
        """Visit until the end."""
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            cursor = driver.cursor()
            self.ready.wait()
            self.begin.wait()
            self._visit_on_schedule(cursor)

    def _visit_on_schedule(self, cursor: Any) -> None:
        rng = random.Random(self.number)  # noqa: S311 - which rows are visited is no secret
        start, visit = time.perf_counter(), self.number
        while not self.end.is_set():
            scheduled = start + visit / self.rate
            if (early := scheduled - time.perf_counter()) > 0 and self.end.wait(early):
                return
            self._visit(cursor, rng.randrange(1, self.people + 1), updates=rng.random() < 0.5)
            self.latencies.append((time.perf_counter() - scheduled) * 1000)
            visit += self.clients

    def _visit(self, cursor: Any, key: int, updates: bool) -> None:
        update = f"UPDATE people SET note = 'seen' WHERE id = {key}"
        try:
            cursor.execute(update if updates else f"SELECT email, note FROM people WHERE id = {key}")
            if not updates:
                cursor.fetchall()
        except Exception:  # whatever a driver raises is an error that the application would see
            self.errors += 1


def main(people: str, rate: str, clients: str) -> None:
    """All clients, each over a connection of its own."""
    url = sys.stdin.readline().strip()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own_only(sa.make_url(url))
    begin, end, count = threading.Event(), threading.Event(), int(clients)
    ready = threading.Barrier(count + 1)
    visits = [Visits(n, count, float(rate), int(people), ready, begin, end) for n in range(count)]
    with engine_of(url) as engine, ThreadPoolExecutor(count) as threads:
        done = [threads.submit(each.go, engine) for each in visits]
        ready.wait()
        print("ready", flush=True)
        for event in (begin, end):
            sys.stdin.readline()
            event.set()
        for each in done:
            each.result()
    latencies = [ms for each in visits for ms in each.latencies]
    print(json.dumps({**latencies_in_short(latencies), "errors": sum(each.errors for each in visits)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

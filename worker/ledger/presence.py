"""Who is there: signs of life of workers, and of the sweep that beat sends. For `merzim status` only; what a worker has
in its hands is said by row locks, never by this."""

import datetime as dt
from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from worker.ledger.tables import Ledger

SWEEP = "sweep"
KEPT = dt.timedelta(days=1)


def seen(conn: sa.Connection, ledger: Ledger, name: str, at: dt.datetime) -> None:
    """Write that `name` was there at `at` (naive UTC); forget who has not been seen for a day."""
    table = ledger.presence
    conn.execute(table.delete().where(table.c.seen_at < at - KEPT))
    if conn.execute(table.update().where(table.c.name == name).values(seen_at=at)).rowcount == 0:
        with suppress(IntegrityError), conn.begin_nested():  # two sweeps at once: the other has just written it
            conn.execute(table.insert().values(name=name, seen_at=at))


def workers_since(conn: sa.Connection, ledger: Ledger, since: dt.datetime) -> list[str]:
    """The workers seen at or after `since`, sorted."""
    table = ledger.presence
    query = sa.select(table.c.name).where(table.c.seen_at >= since, table.c.name != SWEEP)
    return sorted(conn.scalars(query))


def last_sweep(conn: sa.Connection, ledger: Ledger) -> dt.datetime | None:
    """When a sweep last ran to its end: beat, broker, a worker and the database were all there then."""
    table = ledger.presence
    moment: dt.datetime | None = conn.scalar(sa.select(table.c.seen_at).where(table.c.name == SWEEP))
    return moment

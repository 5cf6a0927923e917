"""Years of nights behind an installation, and people who become due after them."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from worker.bench.beside import close
from worker.bench.ground import engine_of, execute, own_only
from worker.bench.rows import TABLES, Size
from worker.bench.sql import sql_of
from worker.bootstrap import install
from worker.ledger.runs import BY_HAND

NIGHTS = 5 * 365
PLAN = '{"tables": [], "stages": [], "stopped": {}, "unmentioned": [], "allowed": {}}'
COUNTS = '{"units": 0, "tables": {}}'
NEWLY_DUE = 5
"""Percent of the people."""


def add_nights(env_file: Path) -> None:
    """Closed runs with an entry each, on every day of five years."""
    installation = install(env_file)
    own_only(installation.tools.database.engine.url)
    ledger = installation.tools.ledger
    with installation.tools.database.writing() as connection:
        newest = connection.execute(ledger.run.select()).mappings().first()
        assert newest is not None
        runs = list(_runs(dict(newest)))
        connection.execute(ledger.run.insert(), runs)
        connection.execute(ledger.entry.insert(), [_entry(run) for run in runs])
    close(installation)


def _runs(newest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for days in range(1, NIGHTS + 1):
        at: datetime = newest["started_at"] - timedelta(days=days)
        times = {"now": at, "started_at": at, "ended_at": at, "local_date": at.date()}
        yield newest | times | {"id": uuid.uuid4().hex, "kind": BY_HAND, "slot": 1, "plan": PLAN, "state": "done"}


def _entry(run: dict[str, Any]) -> dict[str, Any]:
    named = {"attempt": uuid.uuid4().hex, "run_id": run["id"], "batch": 1, "slice": 1, "kind": "slice"}
    return named | {"stage": "profile", "counts": COUNTS, "part": False, "committed_at": run["ended_at"]}


def a_day_later(url: str) -> None:
    """Statistics, and what the server cleans up by itself in a day."""
    own_only(sa.make_url(url))
    with engine_of(url) as engine:
        execute(engine, *sql_of(url).settled(TABLES))


def make_newly_due(url: str, size: Size) -> None:
    """People who had not been due."""
    own_only(sa.make_url(url))
    sql, last = sql_of(url), size.due + NEWLY_DUE - 1
    who = f"* 19 % 100 BETWEEN {size.due} AND {last}"
    with engine_of(url) as engine:
        execute(
            engine,
            f"UPDATE messages SET sent_at = {sql.ago(size.now, '1400')} WHERE person_id {who}",
            f"UPDATE people SET seen_at = {sql.ago(size.now, '1300')} WHERE id {who}",
        )
    a_day_later(url)

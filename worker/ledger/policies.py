"""Policies that were acted on, by hash, and the stage names that were ever used."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.tables import Ledger


def store_policy(
    conn: sa.Connection, ledger: Ledger, *, text: str, policy_hash: str, name: str, at: dt.datetime
) -> None:
    """Keep the full text of a policy under its hash; storing it again changes nothing."""
    row = {"hash": policy_hash, "name": name, "text": text, "stored_at": at}
    _insert_missing(conn, ledger.policy, [row])


def policy_text(conn: sa.Connection, ledger: Ledger, policy_hash: str) -> str:
    """The text stored under this hash. Raises LedgerError when there is none."""
    table = ledger.policy
    stored = conn.scalar(sa.select(table.c.text).where(table.c.hash == policy_hash))
    if stored is None:
        raise LedgerError(text("ledger_refuses.no_policy", hash=policy_hash))
    return str(stored)


def stages_seen(conn: sa.Connection, ledger: Ledger, policy_name: str) -> frozenset[str]:
    """Every stage name that runs of this policy have used: they are permanent, for tombstones bear them."""
    table = ledger.stage
    return frozenset(conn.scalars(sa.select(table.c.stage).where(table.c.policy_name == policy_name)))


def remember_stages(
    conn: sa.Connection, ledger: Ledger, policy_name: str, stages: Iterable[str], at: dt.datetime
) -> None:
    """Add stage names to those seen; known ones keep the time they were first seen."""
    rows = [{"policy_name": policy_name, "stage": stage, "first_seen_at": at} for stage in sorted(set(stages))]
    _insert_missing(conn, ledger.stage, rows)


def _insert_missing(conn: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
    elif conn.dialect.name == "mysql":
        for row in rows:  # IGNORE would swallow other errors too, and ON DUPLICATE KEY asks for the right to UPDATE
            with suppress(IntegrityError), conn.begin_nested():
                conn.execute(table.insert(), row)
    else:
        conn.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)

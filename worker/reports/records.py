"""Reads what the ledger has about one run. Read-only; every list has one fixed order."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from worker.ledger.batches import Entry
from worker.ledger.runs import Run, find_run
from worker.ledger.tables import Ledger
from worker.reports.reasons import LOCKED
from worker.reports.shapes import Approval, HoldFacts, QuarantinedKey, SealFacts

KEYS_SHOWN = 50


@dataclass(frozen=True)
class BatchProgress:
    """A batch without its keys. `remaining` units were not reached, `skipped` of them because they were locked."""

    stage: str
    units: int
    remaining: int
    skipped: int
    open: bool


@dataclass(frozen=True)
class Records:
    """The ledger's rows about one run. `last_known`: its end, or when it did something last. `quarantine` counts units
    by (stage, reason)."""

    run: Run
    last_known: datetime
    plan: dict[str, Any]
    installation: str | None
    entries: tuple[Entry, ...]
    batches: tuple[BatchProgress, ...]
    quarantine: dict[tuple[str, str], int]
    quarantined_keys: tuple[QuarantinedKey, ...]
    holds: tuple[HoldFacts, ...]
    files_waiting: dict[str, int]
    seal: SealFacts | None
    approval: Approval | None


def read_records(connection: sa.Connection, ledger: Ledger, run_id: str) -> Records:
    """Everything about the run. Raises LedgerError when the ledger has no such run."""
    run = find_run(connection, ledger, run_id)
    entries = entries_of(connection, ledger, run_id)
    last_known = run.ended_at or max([run.started_at, *(e.committed_at for e in entries)])
    installation = ledger.installation.c.id
    return Records(
        run=run,
        last_known=last_known,
        plan=json.loads(run.plan),
        installation=connection.scalar(sa.select(installation).order_by(installation).limit(1)),
        entries=entries,
        batches=_batches(connection, ledger, run_id),
        quarantine=_quarantine(connection, ledger, run_id),
        quarantined_keys=_quarantined_keys(connection, ledger, run_id),
        holds=_holds(connection, ledger, last_known),
        files_waiting=_files_waiting(connection, ledger, run_id),
        seal=_seal(connection, ledger, run_id),
        approval=_approval(connection, ledger, run),
    )


def entries_of(connection: sa.Connection, ledger: Ledger, run_id: str) -> tuple[Entry, ...]:
    table = ledger.entry
    query = table.select().where(table.c.run_id == run_id).order_by(table.c.batch, table.c.slice)
    found = []
    for row in connection.execute(query).mappings():
        values: dict[str, Any] = {**row, "counts": json.loads(row["counts"]), "size": row["bytes"]}
        del values["bytes"]
        found.append(Entry(**values))
    return tuple(found)


def _batches(connection: sa.Connection, ledger: Ledger, run_id: str) -> tuple[BatchProgress, ...]:
    table = ledger.batch
    # The keys stay where they are: there may be a hundred thousand of them, and the report does not need them.
    query = (
        sa.select(table.c.stage, table.c.units, table.c.cursor, table.c.skipped, table.c.state)
        .where(table.c.run_id == run_id)
        .order_by(table.c.number)
    )
    found = []
    for stage, units, cursor, skipped_keys, state in connection.execute(query):
        skipped = len(json.loads(skipped_keys))
        remaining = 0 if state == "done" else units - int(cursor or 0) + skipped
        found.append(BatchProgress(stage, units, remaining, skipped, state == "open"))
    return tuple(found)


def _quarantine(connection: sa.Connection, ledger: Ledger, run_id: str) -> dict[tuple[str, str], int]:
    table = ledger.quarantine
    query = sa.select(table.c.stage, table.c.reason, sa.func.count()).where(table.c.run_id == run_id)
    rows = connection.execute(query.group_by(table.c.stage, table.c.reason))
    return {(stage, reason): count for stage, reason, count in sorted(map(tuple, rows))}


def _quarantined_keys(connection: sa.Connection, ledger: Ledger, run_id: str) -> tuple[QuarantinedKey, ...]:
    table = ledger.quarantine
    columns = (table.c.stage, table.c.table_name, table.c.key_number, table.c.key_text)
    # A locked unit is overdue; there is nothing in its row to look at.
    of_run = (table.c.run_id == run_id, table.c.reason != LOCKED)
    query = table.select().where(*of_run).order_by(*columns).limit(KEYS_SHOWN)
    return tuple(
        QuarantinedKey(row["stage"], row["table_name"], _key(row), row["reason"])
        for row in connection.execute(query).mappings()
    )


def _holds(connection: sa.Connection, ledger: Ledger, at: datetime) -> tuple[HoldFacts, ...]:
    """Holds in force at `at`, also if they were released since: the report of a closed run does not change."""
    held = ledger.hold
    in_force = (
        held.c.placed_at <= at,
        sa.or_(held.c.released_at.is_(None), held.c.released_at > at),
        sa.or_(held.c.ends_at.is_(None), held.c.ends_at > at),
    )
    rows = connection.execute(held.select().where(*in_force).order_by(held.c.placed_at, held.c.id)).mappings()
    return tuple(
        HoldFacts(
            id=row["id"],
            scope=row["scope"],
            table=row["table_name"],
            key=None if row["scope"] == "table" else _key(row),
            reason=row["reason"],
            placed_at=row["placed_at"],
            ends_at=row["ends_at"],
        )
        for row in rows
    )


def _files_waiting(connection: sa.Connection, ledger: Ledger, run_id: str) -> dict[str, int]:
    """Files of the run's rows that are not removed yet, by problem ("" for those not tried). Their paths stay out."""
    table = ledger.outbox
    problems = connection.scalars(sa.select(table.c.problem).where(table.c.run_id == run_id))
    return dict(sorted(Counter(problem or "" for problem in problems).items()))


def _seal(connection: sa.Connection, ledger: Ledger, run_id: str) -> SealFacts | None:
    table = ledger.seal
    names = ("ordinal", "digest", "previous", "key_id", "entries", "sealed_at")
    query = sa.select(*(table.c[name] for name in names)).where(table.c.run_id == run_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else SealFacts(**row)


def _approval(connection: sa.Connection, ledger: Ledger, run: Run) -> Approval | None:
    """The newest yes to this run's plan that was given before the run ended."""
    if not run.approved:
        return None
    table = ledger.approval
    query = sa.select(table.c.author, table.c.approved_at).where(
        table.c.fingerprint == run.fingerprint, table.c.policy_hash == run.policy_hash
    )
    if run.ended_at is not None:
        query = query.where(table.c.approved_at <= run.ended_at)
    row = connection.execute(query.order_by(table.c.approved_at.desc()).limit(1)).one_or_none()
    return None if row is None else Approval(row.author, row.approved_at)


def _key(row: sa.RowMapping) -> str:
    return str(row["key_text"] or row["key_number"])

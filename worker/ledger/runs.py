"""Runs: made once per slot, closed once, and nothing is written for them afterwards."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.locks import lock
from worker.ledger.states import RUN_ARROWS, RunState, check_arrow
from worker.ledger.tables import Ledger

NIGHT, HANDED_OVER, BY_HAND, PURGE, RESTORE = "night", "queue", "run", "purge", "restore"
BLOCKED, UNBLOCKED, REPLAY = "blocked", "unblocked", "replay"
NIGHTLY = (NIGHT, HANDED_OVER, BY_HAND)
"""Kinds of runs that are a whole night's work, whoever began it."""


@dataclass(frozen=True)
class NewRun:
    """A plan to be carried out. `plan` is JSON; `now` is the fixed moment it was made for (naive UTC)."""

    policy_name: str
    policy_hash: str
    kind: str
    local_date: dt.date
    now: dt.datetime
    fingerprint: str
    plan: str
    approved: bool
    started_at: dt.datetime


@dataclass(frozen=True)
class Run:
    """A run as the ledger has it; all times naive UTC."""

    id: str
    policy_name: str
    policy_hash: str
    kind: str
    local_date: dt.date
    slot: int
    now: dt.datetime
    state: RunState
    fingerprint: str
    plan: str
    approved: bool
    started_at: dt.datetime
    ended_at: dt.datetime | None
    reason: str | None


def find_run(conn: sa.Connection, ledger: Ledger, run_id: str) -> Run:
    """The run with this id. Raises LedgerError when there is none."""
    run = _one(conn, _by_id(ledger), {"run": run_id})
    if run is None:
        raise LedgerError(text("ledger_refuses.no_run"))
    return run


def find_open_run(conn: sa.Connection, ledger: Ledger, policy_name: str, kind: str) -> Run | None:
    """The run of this policy and kind that is being carried out, if any."""
    table = ledger.run
    return _one(
        conn,
        table.select().where(table.c.policy_name == policy_name, table.c.kind == kind, table.c.state == "open"),
    )


def find_run_of(conn: sa.Connection, ledger: Ledger, policy_name: str, kind: str, day: dt.date) -> Run | None:
    """The newest run of this policy and kind that bears this local date, open or closed."""
    table = ledger.run
    query = table.select().where(table.c.policy_name == policy_name, table.c.kind == kind, table.c.local_date == day)
    return _one(conn, query.order_by(table.c.slot.desc()).limit(1))


def open_runs(conn: sa.Connection, ledger: Ledger, policy_name: str, kinds: Sequence[str] = ()) -> list[Run]:
    """Every run of the policy (of these kinds, if any are given) that is being carried out, the oldest first."""
    table = ledger.run
    query = table.select().where(table.c.policy_name == policy_name, table.c.state == "open")
    query = query.where(table.c.kind.in_(kinds)) if kinds else query
    return [Run(**row) for row in conn.execute(query.order_by(table.c.started_at, table.c.id)).mappings()]


def ended_since(conn: sa.Connection, ledger: Ledger, since: dt.datetime) -> list[Run]:
    """Every run that was closed at or after `since` (naive UTC) and has a report; the newest first."""
    table = ledger.run
    query = table.select().where(table.c.ended_at >= since, table.c.kind.in_((*NIGHTLY, PURGE)))
    return [Run(**row) for row in conn.execute(query.order_by(table.c.ended_at.desc())).mappings()]


def create_run(conn: sa.Connection, ledger: Ledger, new: NewRun, once: bool = False) -> tuple[Run, bool]:
    """Make a run in the next free slot of its local date; returns it and whether this call made it.

    When a run of the same policy and kind is open, that one is returned: of two sessions one makes the run, and
    the other waits until the first has committed (run and batches, in one transaction) and gets the same run. But of
    purges there may be many: each carries out a request of its own.
    `once`: one that bears the same date is returned even when it is closed (a night is made once).
    Needs READ COMMITTED, because it looks again after waiting.
    """
    lock(conn, ledger, "create run", shared=False)
    existing = find_open_run(conn, ledger, new.policy_name, new.kind) if new.kind != PURGE else None
    if existing is None and once:
        existing = find_run_of(conn, ledger, new.policy_name, new.kind, new.local_date)
    if existing is not None:
        return existing, False
    table = ledger.run
    last_slot = conn.scalar(
        sa.select(sa.func.max(table.c.slot)).where(
            table.c.policy_name == new.policy_name,
            table.c.kind == new.kind,
            table.c.local_date == new.local_date,
        )
    )
    run_id = uuid.uuid4().hex
    slot = (last_slot or 0) + 1
    conn.execute(table.insert().values(id=run_id, slot=slot, state="open", **vars(new)))
    return find_run(conn, ledger, run_id), True


def keep_state(conn: sa.Connection, ledger: Ledger, run_id: str) -> None:
    """An open run stays open until this transaction ends: whoever closes it waits. Ask for its state afterwards."""
    lock(conn, ledger, _run_lock(run_id), shared=True)


def is_open(ledger: Ledger) -> sa.ColumnElement[bool]:
    """Whether the run of the parameter `run` is open."""
    return sa.exists().where(ledger.run.c.id == sa.bindparam("run"), ledger.run.c.state == "open")


def close_run(
    conn: sa.Connection,
    ledger: Ledger,
    run_id: str,
    state: RunState,
    at: dt.datetime,
    reason: str | None = None,
) -> None:
    """Close a run, once its open slices have ended. Seal it in the same transaction.

    Raises IllegalArrow when it is closed already.
    """
    lock(conn, ledger, _run_lock(run_id), shared=False)
    check_arrow(RUN_ARROWS, "run", find_run(conn, ledger, run_id).state, state)
    table = ledger.run
    conn.execute(table.update().where(table.c.id == run_id).values(state=state, ended_at=at, reason=reason))


def _run_lock(run_id: str) -> str:
    return f"run {run_id}"


@lru_cache(maxsize=1)
def _by_id(ledger: Ledger) -> sa.Select[*tuple[object, ...]]:
    return ledger.run.select().where(ledger.run.c.id == sa.bindparam("run"))


def _one(
    conn: sa.Connection, statement: sa.Select[*tuple[object, ...]], parameters: dict[str, str] | None = None
) -> Run | None:
    row = conn.execute(statement, parameters).mappings().one_or_none()
    return None if row is None else Run(**row)

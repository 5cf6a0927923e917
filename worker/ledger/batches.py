"""Batches and their slices: claim, intent, entry, progress."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError, RunClosed
from worker.ledger.runs import find_run, is_open, keep_state
from worker.ledger.states import BATCH_ARROWS, BatchState, check_arrow
from worker.ledger.tables import Ledger

AT_ONCE = 100


@dataclass(frozen=True)
class NewBatch:
    """`keys` is a JSON value (a list of KeyCodec.to_json keys), `units` the number of subjects."""

    stage: str
    keys: Any
    units: int


@dataclass(frozen=True)
class Batch:
    """A batch as the ledger has it. `slices` were committed so far; `skipped` are JSON keys to be tried
    once more."""

    run_id: str
    number: int
    stage: str
    keys: Any
    units: int
    cursor: str | None
    slices: int
    skipped: list[Any]
    state: BatchState


@dataclass(frozen=True)
class Entry:
    """What one slice did. `counts` is JSON; `size` the segment's bytes; segment, sha256, size None without a copy."""

    attempt: str
    run_id: str
    batch: int
    slice: int
    kind: str
    stage: str
    counts: Any
    committed_at: dt.datetime
    segment: str | None = None
    sha256: str | None = None
    size: int | None = None
    archive_until: dt.date | None = None
    part: bool = False


def store_batches(conn: sa.Connection, ledger: Ledger, run_id: str, batches: Iterable[NewBatch]) -> None:
    """Store a new run's batches, numbered from 1 in this order and never again."""
    rows = (
        {
            "run_id": run_id,
            "number": number,
            "stage": batch.stage,
            "keys": _json(batch.keys),
            "units": batch.units,
            "state": "open",
        }
        for number, batch in enumerate(batches, start=1)
    )
    while some := list(islice(rows, AT_ONCE)):
        conn.execute(ledger.batch.insert(), some)


def claim_batch(conn: sa.Connection, ledger: Ledger, run_id: str, number: int | None = None) -> Batch | None:
    """The next open batch that nobody works on (or the one of this number, if it is so), locked until this transaction
    ends; None when there is none.

    The row's lock is the whole claim: it falls when the process dies. Also None when the run is closed.
    """
    keep_state(conn, ledger, run_id)
    statement = _free_batch(ledger, number is not None)
    row = conn.execute(statement, {"run": run_id, "wanted": number}).mappings().one_or_none()
    return None if row is None else _batch(row)


@lru_cache(maxsize=2)
def _free_batch(ledger: Ledger, of_this_number: bool) -> sa.Select[*tuple[Any, ...]]:
    table = ledger.batch
    query = table.select().where(table.c.run_id == sa.bindparam("run"), table.c.state == "open", is_open(ledger))
    if of_this_number:
        query = query.where(table.c.number == sa.bindparam("wanted"))
    return query.order_by(table.c.number).limit(1).with_for_update(skip_locked=True)


def open_batches(conn: sa.Connection, ledger: Ledger, run_id: str) -> int:
    """How many batches of the run are not done, whether somebody works on them or not."""
    table = ledger.batch
    query = sa.select(sa.func.count()).where(table.c.run_id == run_id, table.c.state == "open")
    return int(conn.execute(query).scalar_one())


def free_batches(conn: sa.Connection, ledger: Ledger, run_id: str, most: int) -> int:
    """How many batches, counted up to `most`, nobody works on. Looks for locks, so it needs a writing transaction."""
    table = ledger.batch
    query = sa.select(table.c.number).where(table.c.run_id == run_id, table.c.state == "open")
    return len(conn.execute(query.limit(most).with_for_update(skip_locked=True)).all())


def advance_batch(
    conn: sa.Connection,
    ledger: Ledger,
    batch: Batch,
    *,
    cursor: str | None,
    slices: int,
    skipped: Sequence[Any] = (),
    state: BatchState = "open",
) -> Batch:
    """Write how far a claimed batch has come and return it anew; `skipped` are the keys to be tried once more.

    Raises IllegalArrow, and LedgerError when the batch has moved since it was claimed.
    """
    check_arrow(BATCH_ARROWS, "batch", batch.state, state)
    known = {"run": batch.run_id, "wanted": batch.number, "before": batch.slices, "was": batch.state}
    new = {"cursor": cursor, "slices": slices, "skipped": _json(list(skipped)), "state": state}
    done = conn.execute(_moving(ledger), known | new)
    if done.rowcount != 1:
        raise LedgerError(text("ledger_refuses.batch_moved", batch=str(batch.number), run=batch.run_id))
    return Batch(**{**vars(batch), "cursor": cursor, "slices": slices, "skipped": list(skipped), "state": state})


@lru_cache(maxsize=1)
def _moving(ledger: Ledger) -> sa.Update:
    table = ledger.batch
    known = [table.c.run_id == sa.bindparam("run"), table.c.number == sa.bindparam("wanted")]
    known += [table.c.slices == sa.bindparam("before"), table.c.state == sa.bindparam("was")]
    names = ("cursor", "slices", "skipped", "state")
    return table.update().where(*known).values({name: sa.bindparam(name) for name in names})


def write_intent(
    conn: sa.Connection,
    ledger: Ledger,
    *,
    attempt: str,
    run_id: str,
    batch: int,
    segment: str | None,
    at: dt.datetime,
) -> None:
    """Say that an attempt begins and which segment it may leave behind. Commit it before the attempt begins."""
    row = {"attempt": attempt, "run_id": run_id, "batch": batch, "segment": segment, "created_at": at}
    conn.execute(ledger.intent.insert(), row)


def write_entry(conn: sa.Connection, ledger: Ledger, entry: Entry) -> None:
    """Write what a slice did, in the slice's own transaction, which has claimed the batch.

    Raises RunClosed (a sealed run takes no entries), and SQLAlchemy's IntegrityError when (run, batch, slice)
    was already done: both roll the slice back.
    """
    values = {**vars(entry), "counts": _json(entry.counts), "bytes": entry.size}
    del values["size"]
    new = {f"new_{name}": value for name, value in values.items()}
    if conn.execute(_entering(ledger), {"run": entry.run_id, **new}).rowcount != 1:
        run = find_run(conn, ledger, entry.run_id)
        raise RunClosed(text("ledger_refuses.run_closed", run=run.id, state=run.state))


@lru_cache(maxsize=1)
def _entering(ledger: Ledger) -> sa.Insert:
    """One statement with the question whether the run is open."""
    columns = list(ledger.entry.c)
    values = [sa.bindparam(f"new_{c.name}", type_=c.type) for c in columns]
    query = sa.select(*values).where(is_open(ledger))
    return ledger.entry.insert().from_select(columns, query).execution_options(preserve_rowcount=True)


def entry_exists(conn: sa.Connection, ledger: Ledger, attempt: str) -> bool:
    """Whether this attempt was committed: to be asked when the reply to COMMIT never came."""
    table = ledger.entry
    return conn.scalar(sa.select(table.c.attempt).where(table.c.attempt == attempt)) is not None


def _batch(row: sa.RowMapping) -> Batch:
    return Batch(**{**row, "keys": json.loads(row["keys"]), "skipped": json.loads(row["skipped"])})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

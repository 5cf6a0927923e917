"""Tombstones: (stage, key, clock date decided on): this was done. Written in the transaction of the change itself."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from worker.ledger.keys import KeyCodec
from worker.ledger.lists import ListOf
from worker.ledger.tables import Ledger

AnyInsert = TypeVar("AnyInsert", postgresql.Insert, sqlite.Insert)
EACH = ("key_number", "key_text", "clock", "remains")
RENEWED = ("clock", "remains", "run_id", "batch", "slice", "done_at")


@dataclass(frozen=True)
class Tombstone:
    """`remains`: rows of the unit are still there, behind a hold, another person or the slice's limit; it then hides
    the unit only until they can be acted on."""

    key: tuple[Any, ...]
    clock: dt.datetime | None
    remains: bool


def write(
    conn: sa.Connection,
    ledger: Ledger,
    codec: KeyCodec,
    stage: str,
    tombstones: Iterable[Tombstone],
    place: tuple[str, int, int],
    at: dt.datetime,
) -> None:
    """Write or renew tombstones of a stage ("policy/stage"). `place` is (run, batch, slice), `at` naive UTC."""
    run_id, batch, number = place
    alike = {"stage": stage, "run_id": run_id, "batch": batch, "slice": number, "done_at": at}
    each = [(*codec.columns_of(stone.key), stone.clock, stone.remains) for stone in tombstones]
    if not each:
        return
    if conn.dialect.name == "postgresql":
        lists = {name: list(values) for name, values in zip(EACH, zip(*each, strict=True), strict=True)}
        conn.execute(_from_lists(ledger), {f"new_{k}": v for k, v in (alike | lists).items()})
        return
    rows = [alike | dict(zip(EACH, values, strict=True)) for values in each]
    if conn.dialect.name == "mysql":
        again = mysql.insert(ledger.tombstone)
        conn.execute(again.on_duplicate_key_update({name: again.inserted[name] for name in RENEWED}), rows)
    else:
        conn.execute(_renewing(sqlite.insert(ledger.tombstone)), rows)


@lru_cache(maxsize=1)
def _from_lists(ledger: Ledger) -> postgresql.Insert:
    """One statement for any number of tombstones: sent one by one they took longer than the change itself."""
    table = ledger.tombstone
    lists = sa.func.unnest(*(sa.bindparam(f"new_{n}", type_=ListOf(table.c[n].type)) for n in EACH))
    new = lists.table_valued(*(sa.column(n, table.c[n].type) for n in EACH)).render_derived("new")
    alike = [c.name for c in table.c if c.name not in EACH]
    values = [sa.bindparam(f"new_{n}", type_=table.c[n].type) for n in alike]
    query = sa.select(*values, *(new.c[n] for n in EACH))
    return _renewing(postgresql.insert(table).from_select([*alike, *EACH], query))


def _renewing(insert: AnyInsert) -> AnyInsert:
    table = insert.table
    return insert.on_conflict_do_update(
        index_elements=[table.c.stage, table.c.key_number, table.c.key_text],
        set_={name: insert.excluded[name] for name in RENEWED},
    )


def retire(conn: sa.Connection, ledger: Ledger, codec: KeyCodec, stage: str, keys: Sequence[tuple[Any, ...]]) -> int:
    """Take tombstones away, because their rows were put back; returns how many there were."""
    table = ledger.tombstone
    found = 0
    for key in keys:
        number, text = codec.columns_of(key)
        gone = table.delete().where(table.c.stage == stage, table.c.key_number == number, table.c.key_text == text)
        found += conn.execute(gone).rowcount
    return found


def rows_remain(
    conn: sa.Connection, ledger: Ledger, codec: KeyCodec, stage: str, keys: Sequence[tuple[Any, ...]]
) -> int:
    """Say of tombstones that rows of their units are there again; their clocks stay. Returns how many there were."""
    table = ledger.tombstone
    found = 0
    for key in keys:
        number, text = codec.columns_of(key)
        these = (table.c.stage == stage, table.c.key_number == number, table.c.key_text == text)
        found += conn.execute(table.update().where(*these).values(remains=True)).rowcount
    return found

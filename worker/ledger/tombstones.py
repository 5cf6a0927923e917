"""Tombstones: (stage, key, clock date decided on): this was done. Written in the transaction of the change itself."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from worker.ledger.keys import KeyCodec
from worker.ledger.tables import Ledger


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
    rows = []
    for stone in tombstones:
        key_number, key_text = codec.columns_of(stone.key)
        rows.append(
            {
                "stage": stage,
                "key_number": key_number,
                "key_text": key_text,
                "clock": stone.clock,
                "remains": stone.remains,
                "run_id": run_id,
                "batch": batch,
                "slice": number,
                "done_at": at,
            }
        )
    if not rows:
        return
    table = ledger.tombstone
    insert = (postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert)(table)
    renewed = ("clock", "remains", "run_id", "batch", "slice", "done_at")
    conn.execute(
        insert.on_conflict_do_update(
            index_elements=[table.c.stage, table.c.key_number, table.c.key_text],
            set_={name: insert.excluded[name] for name in renewed},
        ),
        rows,
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

"""What a restore leaves in the ledger: holds, so that the next night leaves what came back; tombstones taken away; a
run of its own, closed and sealed."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from config.policy import Policy
from worker.ledger import tombstones
from worker.ledger.holds import Hold, Scope, in_force, place
from worker.ledger.keys import KeyCodec
from worker.ledger.runs import RESTORE
from worker.pipeline.recording import record
from worker.pipeline.restore.choosing import Entry
from worker.pipeline.restore.loading import Loaded
from worker.pipeline.restore.putting import TableRestored
from worker.pipeline.tools import Tools, utc_now
from worker.plan.keys import Key

HOLD_REASON = "restored from the archive"

Covered = tuple[Scope, str, KeyCodec, Iterable[Key]]
"""What a hold covers: scope, table, and the keys in it."""


def rows_of(connection: sa.Connection, one: Loaded) -> Covered:
    """All rows of a loaded table."""
    assert one.facts is not None
    assert one.scratch is not None
    codec = KeyCodec.of([one.facts.column(c) for c in one.facts.key])
    keys = connection.execute(sa.select(*(one.scratch.c[c] for c in one.facts.key))).all()
    return "row", one.name, codec, [tuple(key) for key in keys]


def hold_restored(connection: sa.Connection, tools: Tools, covered: Iterable[Covered], author: str) -> int:
    """Place the holds; returns how many. Who is held so already is not held twice."""
    held = tools.ledger.hold
    names = (held.c.scope, held.c.table_name, held.c.key_number, held.c.key_text)
    now = utc_now()
    query = sa.select(*names).where(held.c.reason == HOLD_REASON, in_force(held, now))
    known = {tuple(row) for row in connection.execute(query)}
    before = len(known)
    for scope, table, codec, keys in covered:
        for key in keys:
            number, written = codec.columns_of(key)
            if (scope, table, number, written) not in known:
                known.add((scope, table, number, written))
                place(connection, tools.ledger, Hold(scope, table, HOLD_REASON, author, now, number, written))
    return len(known) - before


def wake(
    connection: sa.Connection, tools: Tools, codec: KeyCodec, stage: str, units: Sequence[Key], whole: bool
) -> None:
    """Let the units be due again once nothing holds them. Where not all of their rows came back, the tombstones stay
    for the clocks that they keep, and say that rows remain."""
    forget = tombstones.retire if whole else tombstones.rows_remain
    forget(connection, tools.ledger, codec, stage, units)


def write_down(
    connection: sa.Connection, tools: Tools, policy: Policy, entry: Entry, tables: Sequence[TableRestored]
) -> None:
    """A run of its own, with one entry, closed and sealed at once. Raises Refused."""
    about = {"restores": entry["segment"]}
    record(connection, tools, policy, RESTORE, entry["stage"], _counts(tables), about)


def _counts(tables: Sequence[TableRestored]) -> dict[str, dict[str, int]]:
    counts = {t.table: {"restored": 0} for t in tables}
    for t in tables:  # a table may have several sections
        counts[t.table]["restored"] += t.inserted + t.put_back
    return counts

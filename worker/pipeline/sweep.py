"""What a crash leaves behind: segments without an entry, segments that still wait in the spool, files in the outbox.

A segment is removed only if this ledger has its intent, no entry, and the batch row's lock is ours: then no slice can
be about to commit it. Anything unknown is reported and never removed; and nothing is, while the archive knows more than
the ledger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import sqlalchemy as sa

from worker.archive.patience import within_patience
from worker.archive.spool import Spool
from worker.archive.store import DirectoryStore, feed
from worker.pipeline.strangers import strangers
from worker.pipeline.tools import Tools

ASKED_AT_ONCE = 500


@dataclass(frozen=True)
class Swept:
    """Segments moved to the store, orphans removed, and segments that this ledger knows nothing of."""

    fed: int = 0
    removed: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Committed:
    """The segment has an entry, with this digest."""

    sha256: str


def sweep(tools: Tools) -> Swept:
    """Go through the spool once. Raises ArchiveError if the store refuses; nothing is lost then."""
    if tools.spool is None or tools.store is None:
        return Swept()
    fed, removed, unknown = 0, 0, []
    knows_more = cache(lambda: bool(strangers(tools)))
    names = list(dict.fromkeys([*tools.spool.names(), *tools.spool.unfinished()]))
    committed = _committed(tools, names)
    for name in names:
        match committed.get(name) or _fate(tools, tools.spool, name, knows_more):
            case Committed(sha256):
                fed += _feed(tools.spool, tools.store, name, sha256)
            case "orphan":
                removed += 1
            case "unknown":
                unknown.append(name)
    return Swept(fed, removed, tuple(unknown))


def _committed(tools: Tools, names: Sequence[str]) -> dict[str, Committed]:
    """Those of the segments that have an entry: entries are never taken back, so that no lock is needed."""
    segment, sha256 = tools.ledger.entry.c.segment, tools.ledger.entry.c.sha256
    found: dict[str, Committed] = {}
    with tools.database.reading() as connection:
        for start in range(0, len(names), ASKED_AT_ONCE):
            query = sa.select(segment, sha256).where(segment.in_(names[start : start + ASKED_AT_ONCE]))
            found |= {name: Committed(digest) for name, digest in connection.execute(query)}
    return found


def _fate(
    tools: Tools, spool: Spool, name: str, knows_more: Callable[[], bool]
) -> Committed | Literal["orphan", "unknown", "in work"]:
    """What the ledger says of a segment; an orphan is removed here, under the lock of its batch."""
    ledger = tools.ledger
    with tools.database.writing() as connection:
        if (sha256 := _sha256(connection, tools, name)) is not None:
            return Committed(sha256)
        intent = connection.execute(
            sa.select(ledger.intent.c.run_id, ledger.intent.c.batch).where(ledger.intent.c.segment == name)
        ).one_or_none()
        if intent is None:
            return "unknown"
        batch = ledger.batch
        locked = connection.execute(
            sa.select(batch.c.number)
            .where(batch.c.run_id == intent.run_id, batch.c.number == intent.batch)
            .with_for_update(skip_locked=True)
        ).first()
        if locked is None:
            return "in work"
        if (sha256 := _sha256(connection, tools, name)) is not None:
            return Committed(sha256)
        if knows_more():
            return "unknown"
        spool.remove(name)
        return "orphan"


def _feed(spool: Spool, store: DirectoryStore, name: str, sha256: str) -> int:
    if not spool.path(name).exists():
        return 0
    within_patience(store.folder, lambda: feed(spool, store, name, sha256))
    return 1


def _sha256(connection: sa.Connection, tools: Tools, name: str) -> str | None:
    entry = tools.ledger.entry
    return connection.execute(sa.select(entry.c.sha256).where(entry.c.segment == name)).scalar_one_or_none()

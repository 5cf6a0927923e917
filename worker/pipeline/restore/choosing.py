"""Which copies are meant, and where their files are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.reading import verify_segment
from worker.pipeline.tools import Refused, Tools, utc_now

Entry = Mapping[str, Any]
"""A row of the ledger's entries that has a segment."""


@dataclass(frozen=True)
class Choice:
    """What somebody asks for: one segment, or the copies of one run, or all; of those only one table's rows, only one
    person's (`person` is the subject's key as text, parts separated by commas), or both."""

    segment: str | None = None
    run_id: str | None = None
    table: str | None = None
    person: str | None = None

    @property
    def whole(self) -> bool:
        """Whether everything that a segment holds is meant."""
        return self.table is None and self.person is None


def chosen_entries(connection: sa.Connection, tools: Tools, choice: Choice) -> list[Entry]:
    """Their entries, the newest first: a row that two slices changed comes back to its oldest state. Raises Refused
    where there is none."""
    entry = tools.ledger.entry
    query = entry.select().where(entry.c.segment.is_not(None), entry.c.kind != "restore")
    if choice.segment is not None:
        query = query.where(entry.c.segment == choice.segment)
    if choice.run_id is not None:
        query = query.where(entry.c.run_id == choice.run_id)
    order = (entry.c.committed_at, entry.c.run_id, entry.c.batch, entry.c.slice)
    found: list[Entry] = [dict(r) for r in connection.execute(query.order_by(*(c.desc() for c in order))).mappings()]
    if not found and choice.segment is not None:
        raise Refused(text("restoring.unknown_segment", segment=choice.segment))
    if not found:
        raise Refused(text("restoring.no_copies"))
    return found


def is_gone(tools: Tools, entry: Entry) -> bool:
    """Whether the copy's term has ended and nobody has it any more: nothing is wrong then."""
    assert tools.spool is not None
    assert tools.store is not None
    until = entry["archive_until"]
    ended = until is not None and until < utc_now().date()
    return ended and not tools.spool.path(entry["segment"]).exists() and tools.store.digest(entry["segment"]) is None


@contextmanager
def opened_copy(tools: Tools, entry: Entry) -> Iterator[BinaryIO]:
    """The sealed file, wherever it is, once its digest is the ledger's. Raises ArchiveError."""
    assert tools.spool is not None
    assert tools.store is not None
    path = tools.spool.path(entry["segment"])
    waiting = path.exists()
    if waiting:
        verify_segment(path, entry["sha256"])
    else:
        with tools.store.open(entry["segment"]) as stream:
            verify_segment(stream, entry["sha256"])
    with path.open("rb") if waiting else tools.store.open(entry["segment"]) as stream:
        yield stream


def without_gone(tools: Tools, choice: Choice, entries: Sequence[Entry]) -> list[Entry]:
    """The entries whose copies should be there. One that was asked for by name is always among them."""
    return [e for e in entries if choice.segment is not None or not is_gone(tools, e)]

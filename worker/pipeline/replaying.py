"""replay: after a backup was restored. What the archive knows and the ledger does not is written down, so that it is
never swept and nights go on; whoever is due again in the restored database is done again by the ordinary night."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import BinaryIO

from config.catalogue import text
from config.policy import Policy
from worker.archive.reading import read_segment, verify_segment
from worker.archive.tap import Tap
from worker.ledger.runs import REPLAY
from worker.pipeline.recording import Copy, record
from worker.pipeline.strangers import strangers
from worker.pipeline.tools import Refused, Tools

UNREAD = f"/{REPLAY}"
"""The stage of a segment that nobody has opened."""


@dataclass(frozen=True)
class Stranger:
    """A segment that the ledger does not know. What its header tells (run, stage, last day) and its rows are None where
    no identity was given."""

    copy: Copy
    stored: date
    run: str | None = None
    rows: int | None = None


def look(tools: Tools, identities: Sequence[str] = ()) -> list[Stranger]:
    """Every segment that the ledger does not know; nothing changes. Raises ArchiveError."""
    return [_look_at(tools, name, identities) for name in strangers(tools)]


def accept(tools: Tools, policy: Policy, found: Sequence[Stranger], count: int) -> str:
    """Write them down in a sealed run of its own and return its id. Raises Refused unless they are as many as whoever
    accepts has seen."""
    if count != len(found):
        raise Refused(text("replaying.other_count", n=len(found), count=str(len(found)), given=str(count)))
    if not found:
        raise Refused(text("replaying.nothing"))
    with tools.database.writing() as connection:
        return record(connection, tools, policy, REPLAY, UNREAD, {}, {}, [each.copy for each in found])


def _look_at(tools: Tools, name: str, identities: Sequence[str]) -> Stranger:
    with _opened(tools, name) as stream:
        digest, size, stored = _measured(stream)
    copy = Copy(name, digest, size, UNREAD, None)
    if not identities:
        return Stranger(copy, stored)
    with _opened(tools, name) as stream:
        rows = verify_segment(stream, digest, identities) or {}
    with _opened(tools, name) as stream, read_segment(stream, identities) as segment:
        header = segment.header
    stage, until = str(header["stage"]).rpartition("/")[2], date.fromisoformat(str(header["until"]))
    return Stranger(Copy(name, digest, size, stage, until), stored, str(header["run"]), sum(rows.values()))


def _measured(file: BinaryIO) -> tuple[str, int, date]:
    """SHA-256, size, and the day on which it was stored."""
    stored = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC).date()
    tap = Tap(file)
    tap.drain()
    return tap.digest, tap.size, stored


@contextmanager
def _opened(tools: Tools, name: str) -> Iterator[BinaryIO]:
    """The file, wherever it is."""
    assert tools.spool is not None
    assert tools.store is not None
    path = tools.spool.path(name)
    with path.open("rb") if path.exists() else tools.store.open(name) as stream:
        yield stream

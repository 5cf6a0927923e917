"""restore: what the archive's copies hold goes back where it was. Written beside the archive, since an archive that
nobody restored is only a hope.

Everything that is meant is tried first, the newest copy before the older ones, in one transaction that is rolled back:
so all problems of all copies are known before the first change, and a try counts what would happen. Then each segment
goes back in a transaction of its own. Stopped in between, the same command goes on: rows that are there are left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.errors import ArchiveError
from worker.databases.constraints import DRIVER_ERRORS, refusal, refuses_rows
from worker.ledger.gate import hold_exclusive
from worker.pipeline.restore.choosing import Choice, Entry, chosen_entries, without_gone
from worker.pipeline.restore.loading import Scratches
from worker.pipeline.restore.putting import TableRestored
from worker.pipeline.restore.segment import Misfit, Restored, Segments
from worker.pipeline.tools import Broken, Refused, Tools

__all__ = ["Choice", "Restored", "Restoring", "TableRestored", "restore_segment"]

LOCK_SECONDS = 60
Told = Callable[[int, int], object]
"""Called with how many segments were begun, and of how many."""


class _Rehearsed(Exception):
    """Rolls a try back."""


@dataclass
class Restoring:
    """A restore of one or many segments. `found` is what it would do, `done` what was committed, the newest first;
    `gone` counts copies that are not there any more because their term has ended."""

    tools: Tools
    choice: Choice
    identities: Sequence[str]
    author: str
    told: Told = lambda number, count: None
    found: list[Restored] = field(default_factory=list)
    done: list[Restored] = field(default_factory=list)
    gone: int = 0

    def __post_init__(self) -> None:
        if self.tools.store is None or self.tools.spool is None:
            raise Refused(text("restoring.no_archive"))
        self._segments = Segments(self.tools, self.choice, self.identities, self.author)
        self._entries: dict[str, Entry] = {}

    def rehearse(self) -> list[Restored]:
        """Try everything and roll it back. Raises Refused, Broken or ArchiveError with all that stands in the way."""
        troubles: list[Exception] = []
        try:
            with self.tools.database.writing(LOCK_SECONDS) as connection:
                self._choose(connection)
                hold_exclusive(connection, self.tools.ledger)
                self._try_all(connection, troubles)
                raise _Rehearsed
        except _Rehearsed:
            pass
        if troubles:
            raise _together(troubles)
        if not self.found:
            raise Refused(text("restoring.no_rows"))
        return self.found

    def apply(self) -> list[Restored]:
        """Put back what was found, each segment in its own transaction. What is there already writes nothing."""
        for number, found in enumerate(self.found, 1):
            self.told(number, len(self.found))
            done = self._put_back(self._entries[found.segment]) if found.changes else found
            self.done.append(replace(done, done=True))
        return self.done

    def _choose(self, connection: sa.Connection) -> None:
        entries = chosen_entries(connection, self.tools, self.choice)
        there = without_gone(self.tools, self.choice, entries)
        self._entries = {e["segment"]: e for e in there}
        self.gone = len(entries) - len(there)

    def _try_all(self, connection: sa.Connection, troubles: list[Exception]) -> None:
        scratches = Scratches(connection, self.tools)
        for number, entry in enumerate(self._entries.values(), 1):
            self.told(number, len(self._entries))
            scratches.empty()
            try:
                with connection.begin_nested():
                    found = self._segment(connection, scratches, entry)
            except (Refused, Broken, ArchiveError) as trouble:
                troubles.append(trouble)
                scratches.forget()
            else:
                self.found += [found] if found is not None else []

    def _put_back(self, entry: Entry) -> Restored:
        with self.tools.database.writing(LOCK_SECONDS) as connection:
            hold_exclusive(connection, self.tools.ledger)
            done = self._segment(connection, Scratches(connection, self.tools), entry)
        assert done is not None
        return done

    def _segment(self, connection: sa.Connection, scratches: Scratches, entry: Entry) -> Restored | None:
        try:
            return self._segments.restore(connection, scratches, entry)
        except DRIVER_ERRORS as error:
            if not refuses_rows(error):
                raise
            raise Refused(text("restoring.refused", error=refusal(error))) from None


def restore_segment(tools: Tools, segment: str, identities: Sequence[str], author: str, dry_run: bool) -> Restored:
    """Restore one segment, or only count what that would do. Raises Refused, Broken, ArchiveError, SQLAlchemy's
    errors."""
    work = Restoring(tools, Choice(segment=segment), identities, author)
    found = work.rehearse()
    return (found if dry_run else work.apply())[0]


def _together(troubles: Sequence[Exception]) -> Exception:
    """All of them as one; what several copies have in common is said once."""
    misfits = [t for t in troubles if isinstance(t, Misfit)]
    others = list(dict.fromkeys(str(t) for t in troubles if not isinstance(t, Misfit)))
    if misfits:
        others.insert(0, str(Misfit([p for t in misfits for p in t.problems])))
    kinds = {type(t) for t in troubles}
    kind = kinds.pop() if len(kinds) == 1 else Refused
    return (Refused if kind is Misfit else kind)("\n".join(others))

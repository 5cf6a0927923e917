"""export: what the archive's copies hold, readable without putting it back. Changes nothing.

One person's rows are found as a restore finds them: in a transaction that is rolled back, with each copy put back, as
far as it goes, before the older ones are looked at.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.reading import read_segment, verify_segment
from worker.databases.constraints import DRIVER_ERRORS, refuses_rows
from worker.ledger.gate import hold_exclusive
from worker.office.export_files import Export
from worker.pipeline.restore.choosing import Choice, Entry, chosen_entries, opened_copy, without_gone
from worker.pipeline.restore.fitting import name_of
from worker.pipeline.restore.loading import Scratches
from worker.pipeline.restore.segment import Meant, Segments
from worker.pipeline.restoring import LOCK_SECONDS, Told
from worker.pipeline.tools import Broken, Refused, Tools


class _Read(Exception):
    """Rolls a transaction back."""


@dataclass
class Exporting:
    """One export. `unread` are tables that are gone, so that nobody can say whose their rows were; `gone` counts copies
    that are not there any more because their term has ended."""

    tools: Tools
    choice: Choice
    identities: Sequence[str]
    export: Export
    told: Told = lambda number, count: None
    unread: set[str] = field(default_factory=set)
    gone: int = 0

    def run(self) -> None:
        """Write it all. Raises Refused, ArchiveError, OSError, SQLAlchemy's errors; what was written is then no whole
        export."""
        if self.tools.store is None or self.tools.spool is None:
            raise Refused(text("restoring.no_archive"))
        if self.choice.person is None:
            with self.tools.database.reading() as connection:
                entries = self._chosen(connection)
            for number, entry in enumerate(entries, 1):
                self.told(number, len(entries))
                self._whole(entry)
        else:
            with suppress(_Read), self.tools.database.writing(LOCK_SECONDS) as connection:
                self._of_person(connection)
                raise _Read
        if not self.export.rows:
            raise Refused(text("exporting.no_rows"))

    def _chosen(self, connection: sa.Connection) -> list[Entry]:
        entries = chosen_entries(connection, self.tools, self.choice)
        there = without_gone(self.tools, self.choice, entries)
        self.gone = len(entries) - len(there)
        return there

    def _whole(self, entry: Entry) -> None:
        """A segment, or one table of it. It is counted as a whole before the first row is believed."""
        with opened_copy(self.tools, entry) as stream:
            verify_segment(stream, entry["sha256"], self.identities)
        with opened_copy(self.tools, entry) as stream, read_segment(stream, self.identities) as opened:
            for header, rows in opened.sections():
                if self.choice.table in (None, name_of(header)):
                    self.export.take(entry["segment"], header, rows)

    def _of_person(self, connection: sa.Connection) -> None:
        entries = self._chosen(connection)
        hold_exclusive(connection, self.tools.ledger)
        scratches = Scratches(connection, self.tools)
        segments = Segments(self.tools, Choice(person=self.choice.person), self.identities, "")
        for number, entry in enumerate(entries, 1):
            self.told(number, len(entries))
            scratches.empty()
            meant = segments.meant(connection, scratches, entry)
            self._take(connection, entry, meant)
            if meant is not None and not meant.problems:
                self._put(connection, segments, entry, meant)

    def _put(self, connection: sa.Connection, segments: Segments, entry: Entry, meant: Meant) -> None:
        """So that older rows which lead to the person over these are found. What does not go back leads nowhere."""
        try:
            with connection.begin_nested():
                segments.write(connection, entry, meant)
        except (Refused, Broken):
            pass
        except DRIVER_ERRORS as error:
            if not refuses_rows(error):
                raise

    def _take(self, connection: sa.Connection, entry: Entry, meant: Meant | None) -> None:
        for one in meant.tables if meant is not None else ():
            if self.choice.table not in (None, one.name):
                continue
            if one.scratch is None:
                self.unread.add(one.name)
                continue
            query = sa.select(*one.scratch.c)
            chunks = self.tools.database.rows_out(connection, query)
            lines = (line + b"\n" for chunk in chunks for line in chunk[:-1].split(b"\n"))
            self.export.take(entry["segment"], one.header, lines)

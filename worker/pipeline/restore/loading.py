"""A segment's rows in temporary tables beside the live ones, where the database itself can compare them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.format import TableHeader
from worker.archive.reading import read_segment
from worker.databases.constraints import DRIVER_ERRORS, column_refused, refusal, refuses_rows
from worker.databases.facts import Schema, TableFacts
from worker.pipeline.restore.choosing import Entry, opened_copy
from worker.pipeline.restore.fitting import fit, name_of
from worker.pipeline.tools import Refused, Tools

SCRATCH = "merzim_restored"


@dataclass(frozen=True)
class Loaded:
    """One table of a segment. `scratch` has its rows, None where the live table is gone; `readable` are the archived
    columns that stand there with their live types."""

    header: TableHeader
    name: str
    facts: TableFacts | None
    scratch: sa.Table | None
    problems: tuple[str, ...]
    readable: frozenset[str]

    @property
    def columns(self) -> list[str]:
        """The archived columns that can be written."""
        assert self.facts is not None
        return [c.name for c in self.header.columns if c.name not in self.facts.generated]


@dataclass(frozen=True)
class LoadedSegment:
    """A segment's header and its tables, in the order in which the slice took them."""

    header: Mapping[str, Any]
    tables: tuple[Loaded, ...]


@dataclass
class Scratches:
    """The temporary tables of one transaction: made once for each shape of a table and emptied for each segment, since
    a server can keep only so many in one transaction."""

    connection: sa.Connection
    tools: Tools
    _made: dict[tuple[Any, ...], sa.Table] = field(default_factory=dict)
    _count: int = 0

    def empty(self) -> None:
        """Before a segment: outside of its savepoint, where emptying costs nothing."""
        for table in self._made.values():
            self.tools.database.clear(self.connection, table)

    def forget(self) -> None:
        """After a savepoint was rolled back, and with it maybe what was made in it."""
        self._made.clear()

    def take(self, place: int, facts: TableFacts, header: TableHeader, readable: frozenset[str]) -> sa.Table:
        """An empty table for a section; two sections of one segment never share one."""
        columns: dict[str, Any] = {}
        for column in header.columns:
            alive = column.name in readable
            columns[column.name] = facts.column(column.name) if alive else sa.cast(sa.null(), sa.Text())
        shape = (place, facts.name, header.columns, readable)
        if shape not in self._made:
            self._count += 1
            name = f"{SCRATCH}_{self._count}"
            self._made[shape] = self.tools.database.temporary(self.connection, name, columns)
        return self._made[shape]


class _Unfit(Exception):
    """A value does not fit its column's present type."""

    def __init__(self, place: tuple[int, str], reason: str) -> None:
        super().__init__(reason)
        self.place, self.reason = place, reason


def load(
    connection: sa.Connection,
    tools: Tools,
    scratches: Scratches,
    schema: Schema,
    entry: Entry,
    identities: Sequence[str],
) -> LoadedSegment:
    """All rows of a segment. A column with a value that its live type does not take any more is read as text, so that
    every problem is found. Raises ArchiveError, Refused."""
    unfit: dict[tuple[int, str], str] = {}
    while True:
        try:
            with connection.begin_nested():
                return _load(connection, tools, scratches, schema, entry, identities, unfit)
        except _Unfit as found:
            scratches.forget()
            unfit[found.place] = found.reason


def _load(
    connection: sa.Connection,
    tools: Tools,
    scratches: Scratches,
    schema: Schema,
    entry: Entry,
    identities: Sequence[str],
    unfit: Mapping[tuple[int, str], str],
) -> LoadedSegment:
    tables = []
    with opened_copy(tools, entry) as stream, read_segment(stream, identities) as opened:
        for place, (header, rows) in enumerate(opened.sections()):
            refused = {column: reason for (at, column), reason in unfit.items() if at == place}
            facts = schema.tables.get(name_of(header))
            fitted = fit(facts, header, tools.database.encoding, refused)
            readable = frozenset(c.name for c in header.columns) - fitted.unfit
            scratch = None
            if facts is not None and facts.changeable and header.encoding == tools.database.encoding:
                scratch = scratches.take(place, facts, header, readable)
                _fill(connection, tools, scratch, header, rows, place)
            tables.append(Loaded(header, name_of(header), facts, scratch, fitted.problems, readable))
        return LoadedSegment(opened.header, tuple(tables))


def _fill(
    connection: sa.Connection,
    tools: Tools,
    scratch: sa.Table,
    header: TableHeader,
    rows: Iterable[bytes],
    place: int,
) -> None:
    columns = [c.name for c in header.columns]
    try:
        tools.database.rows_in(connection, scratch, columns, rows)
    except DRIVER_ERRORS as error:
        if not refuses_rows(error):
            raise
        column = column_refused(error, columns)
        if column is None:
            table = name_of(header)
            raise Refused(text("restoring.unreadable", table=table, error=refusal(error))) from None
        raise _Unfit((place, column), refusal(error)) from None

"""Putting back: rows that are missing are inserted, rows that still look as merzim left them get their originals, rows
that somebody changed since are left alone and counted.

Dangerous, since it writes rows that nobody can tell from others afterwards. The rule: what was put back is as it was
archived when all is done, whatever triggers did, or nothing of the segment is. The way back: until the commit, none is
needed; after it, the rows are held, and releasing the hold lets them go again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.pipeline.restore.loading import Loaded
from worker.pipeline.tools import Broken, Tools
from worker.plan.calendar import Test
from worker.plan.treatments import Column, columns_of


@dataclass(frozen=True)
class TableRestored:
    """What became of one table's rows: inserted, put back, there already, or changed since and left alone."""

    table: str
    inserted: int
    put_back: int
    there_already: int
    changed_since: int


@dataclass(frozen=True)
class PutBack:
    """One table of a segment, put back beside the live one. Its methods run in the order in which they stand."""

    connection: sa.Connection
    tools: Tools
    policy: Policy
    stage: str
    one: Loaded

    def write(self) -> TableRestored:
        """Insert and overwrite."""
        live, scratch = self._live, self._scratch
        total = self._count(sa.select(sa.func.count()).select_from(scratch))
        there = self._as_archived()
        put_back = self._overwrite() if self.one.header.operation == "depersonalise" else 0
        missing = sa.select(*(scratch.c[c] for c in self.one.columns)).where(
            ~sa.exists(sa.select(sa.literal_column("1")).select_from(live).where(self._same).correlate(scratch))
        )
        inserted = self.tools.database.insert_from(self.connection, live, self.one.columns, missing)
        return TableRestored(self.one.name, inserted, put_back, there, total - there - put_back - inserted)

    def check(self, done: TableRestored) -> None:
        """Once every table of the segment was written: what was put back is as it was archived. Raises Broken."""
        found = self._as_archived() - done.there_already
        written = done.inserted + done.put_back
        if found != written:
            values = {"put_back": str(written), "table": self.one.name, "found": str(found)}
            raise Broken(text("restoring.meddled", n=written, **values))

    @property
    def _live(self) -> sa.Table:
        assert self.one.facts is not None
        return self.one.facts.table

    @property
    def _scratch(self) -> sa.Table:
        assert self.one.scratch is not None
        return self.one.scratch

    @property
    def _key(self) -> Sequence[str]:
        assert self.one.facts is not None
        return self.one.facts.key

    @property
    def _same(self) -> Test:
        return sa.and_(*(self._live.c[c] == self._scratch.c[c] for c in self._key))

    @property
    def _identical(self) -> Test:
        return sa.and_(*(self._equal(self._live.c[c], self._scratch.c[c]) for c in self.one.columns))

    def _as_archived(self) -> int:
        pairs = sa.select(sa.func.count()).select_from(self._scratch.join(self._live, self._same))
        return self._count(pairs.where(self._identical))

    def _overwrite(self) -> int:
        """Put originals back into rows that still look as merzim left them and are otherwise unchanged."""
        live, scratch = self._live, self._scratch
        treated = _treated(self.policy, self.stage, self.one.name)
        looks = [c.looks_done(live, self.tools.database.dialect) for c in treated]
        names = {c.name for c in treated}
        stamped = self.one.facts.stamped if self.one.facts else frozenset[str]()
        kept = [self._equal(live.c[c], scratch.c[c]) for c in self.one.columns if c not in names]
        values = {c: scratch.c[c] for c in self.one.columns if c in names or c in stamped}
        statement = sa.update(live).where(self._same, *looks, *kept, sa.not_(self._identical))
        return self.connection.execute(statement.values(values)).rowcount

    def _equal(self, a: sa.ColumnElement[Any], b: sa.ColumnElement[Any]) -> Test:
        """Equality for every type, also those without one (json), and for NULL."""
        if self.tools.database.dialect == "sqlite":
            x, y = (sa.type_coerce(side, sa.types.NullType()) for side in (a, b))
            same = sa.collate(x, "BINARY").is_not_distinct_from(y)  # whatever collation the column has
            return sa.and_(sa.func.typeof(x) == sa.func.typeof(y), same)
        if self.tools.database.dialect == "mysql":
            return _alike_on_mariadb(a, b)
        return sa.collate(sa.cast(a, sa.Text()), "C").is_not_distinct_from(sa.cast(b, sa.Text()))

    def _count(self, query: sa.Select[Any]) -> int:
        return int(self.connection.execute(query).scalar_one())


def _alike_on_mariadb(a: sa.ColumnElement[Any], b: sa.ColumnElement[Any]) -> Test:
    """Byte by byte, whatever the collation. Of a FLOAT the text has six digits only; as a DOUBLE it has them all."""
    if isinstance(a.type, sa.Float):
        double: sa.ColumnElement[Any] = sa.literal_column("0E0", sa.Double())
        return (a + double).is_not_distinct_from(b + double)
    return sa.cast(a, sa.BINARY()).is_not_distinct_from(sa.cast(b, sa.BINARY()))


def _treated(policy: Policy, stage: str, table: str) -> list[Column]:
    """The columns that the stage changes in a table; for a table it does not name, those that followed the subject."""
    rule = policy.stages[stage].tables.get(table)
    if rule is not None:
        return list(columns_of(policy, rule))
    rules = [s.tables[table] for s in policy.stages.values() if table in s.tables]
    return [c for r in rules for c in columns_of(policy, r) if c.followed is not None]

"""Which archived rows are a person's.

Asked of the database as it stood before the slice: the live rows, in place of which stand the archived ones. That is
right where newer copies have been put back already. Rows are found over declared foreign keys and the policy's links,
but never over a link that only delays: a shared e-mail does not make a row one person's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.errors import LedgerError
from worker.ledger.keys import KeyCodec
from worker.pipeline.restore.loading import Loaded
from worker.pipeline.tools import Refused
from worker.plan.calendar import Test
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.links import Links, Path, true


def key_of(schema: Schema, policy: Policy, written: str) -> Key:
    """The subject's key as the driver takes it, from text; parts of a composite key are separated by commas. The person
    need not be there any more. Raises Refused."""
    facts = schema.tables[policy.subject.table]
    codec = KeyCodec.of([facts.column(c) for c in facts.key])
    parts = written.split(",") if len(facts.key) > 1 else [written]
    if len(parts) != len(facts.key):
        raise Refused(text("refuses.key_parts", n=len(facts.key), table=facts.name, key=", ".join(facts.key)))
    try:
        pairs = zip(codec.parts, parts, strict=True)
        return codec.from_json([part if kind == "text" else part.strip() for kind, part in pairs])
    except (ValueError, LedgerError):
        raise Refused(text("restoring.no_key", table=facts.name, key=", ".join(facts.key))) from None


@dataclass(frozen=True)
class Persons:
    """The rows of one person in one loaded segment."""

    connection: sa.Connection
    schema: Schema
    policy: Policy
    links: Links
    loaded: Sequence[Loaded]
    key: Key

    def people(self) -> list[Key]:
        """The person's key, and those of the other rows of the same person."""
        same = self.policy.subject.same_person
        facts = self.schema.tables[self.policy.subject.table]
        if same is None or same not in facts.table.c:
            return [self.key]
        mine, twin = self._before(facts.name), self._before(facts.name)
        shared = sa.select(mine.c[same]).where(key_in([mine.c[c] for c in facts.key], bare([self.key])))
        twins = sa.select(*(twin.c[c] for c in facts.key)).where(twin.c[same].in_(shared))
        if isinstance(facts.column(same).type, sa.String):
            twins = twins.where(twin.c[same] != "")
        found = [tuple(r) for r in self.connection.execute(twins)]
        return list(dict.fromkeys([self.key, *found]))

    def rows(self, one: Loaded, people: Sequence[Key]) -> list[Key]:
        """Keys of the loaded rows that lead to these people."""
        if one.scratch is None or one.facts is None or not set(one.facts.key) <= one.readable:
            return []
        row = one.scratch.alias()
        key = [row.c[c] for c in one.facts.key]
        paths = self.links.finding(one.name, self.links.subject)
        tests = [self._leads(path, row, one.readable, people) for path in paths]
        query = sa.select(*key).where(sa.or_(sa.false(), *tests))
        return [tuple(r) for r in self.connection.execute(query)]

    def _leads(self, path: Path, row: sa.FromClause, columns: Collection[str], people: Sequence[Key]) -> Test:
        subject = self.schema.tables[self.links.subject]
        if not path.steps:
            return key_in([row.c[c] for c in subject.key], bare(people))
        step, rest = path.steps[0], Path(path.steps[1:])
        there = [c.name for c in self.schema.tables[step.target].table.c]
        if not (set(step.source_columns) <= set(columns) and set(step.target_columns) <= set(there)):
            return sa.false()
        if step.declared and sorted(step.target_columns) == sorted(subject.key):
            # The value says it: the person's own row may be gone, or in a copy that was not asked for.
            of = dict(zip(step.target_columns, step.source_columns, strict=True))
            test: Test = key_in([row.c[of[c]] for c in subject.key], bare(people))
        else:
            target = self._before(step.target)
            left, right = self.links.columns(step, row, target)
            inner = sa.select(*right).select_from(target).where(self._leads(rest, target, there, people))
            side = left[0] if len(left) == 1 else sa.tuple_(*left)
            test = side.in_(inner.correlate_except(target))
        return test if step.where is None else sa.and_(true(step.where), test)

    def _before(self, table: str) -> sa.FromClause:
        """The table as it was before the slice."""
        facts = self.schema.tables[table]
        live = facts.table.alias()
        archived = [one for one in self.loaded if one.name == table and one.scratch is not None]
        archived = [one for one in archived if set(facts.key) <= one.readable]
        shadowed = []
        for one in archived:
            assert one.scratch is not None
            copy = one.scratch.alias()
            same = sa.and_(*(copy.c[c] == live.c[c] for c in facts.key))
            shadowed.append(~sa.exists(sa.select(sa.literal_column("1")).select_from(copy).where(same).correlate(live)))
        parts: list[Any] = [sa.select(*live.c).where(*shadowed)]
        for one in archived:
            assert one.scratch is not None
            copy = one.scratch.alias()
            parts.append(sa.select(*(self._column(copy, one, c) for c in facts.table.c)))
        return sa.union_all(*parts).subquery() if archived else live

    def _column(self, copy: sa.FromClause, one: Loaded, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        return copy.c[column.name] if column.name in one.readable else sa.null().label(column.name)

"""What every query of a plan looks at."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from config.policy import Origin, Policy
from worker.databases.facts import Schema
from worker.ledger.keys import KeyCodec
from worker.ledger.tables import Ledger
from worker.plan.calendar import Calendar, Test
from worker.plan.links import Links, exists

RowTest = Callable[[sa.FromClause], Test]


@dataclass(frozen=True)
class Scene:
    """Policy, live schema, links, calendar and ledger. `request`: whom alone a purge is about, people and rows in the
    ledger; `erases`: the request is one to erase them before their term (promise 5: on an approved basis only)."""

    policy: Policy
    schema: Schema
    links: Links
    calendar: Calendar
    ledger: Ledger
    request: str | None = None
    erases: bool = False

    @property
    def dialect(self) -> str:
        """The database's name for SQL that differs."""
        return self.schema.dialect

    @property
    def subject(self) -> str:
        """The table of the people."""
        return self.policy.subject.table

    def key(self, table: str, row: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """The key columns of a row of the table."""
        return [row.c[c] for c in self.schema.tables[table].key]

    def same_key(self, table: str, a: sa.FromClause, b: sa.FromClause) -> Test:
        """Whether two rows of the table are one."""
        return sa.and_(*(x == y for x, y in zip(self.key(table, a), self.key(table, b), strict=True)))

    def codec(self, table: str) -> KeyCodec:
        """How the ledger writes keys of the table."""
        return KeyCodec.of(self.key(table, self.schema.tables[table].table))

    def match(self, ledger_table: sa.FromClause, table: str, row: sa.FromClause) -> Test:
        """Whether a row of the ledger bears this row's key."""
        return self.codec(table).match(ledger_table, self.key(table, row), self.dialect)

    def asked(self, table: str, row: sa.FromClause) -> Test:
        """Whether the request names this row of the table."""
        subject = self.ledger.request_subject.alias()
        named = [subject.c.request_id == self.request, subject.c.table_name == table]
        return exists(subject, *named, self.match(subject, table, row))

    def qualified(self, stage: str) -> str:
        """A stage's permanent name in the ledger: policy/stage."""
        return f"{self.policy.name}/{stage}"

    @property
    def memory(self) -> str:
        """The name under which the ledger keeps clock dates of people whose events a stage by rows deletes. No stage
        can bear it: their names have no slash."""
        return self.qualified("/clock")

    def remembering(self) -> list[str]:
        """Ledger names of the tombstones that keep a person's clock."""
        return [*(self.qualified(n) for n, s in self.policy.stages.items() if by_person(s.origin)), self.memory]

    @property
    def now_utc(self) -> datetime:
        """The run's fixed moment as the ledger writes times."""
        return self.calendar.now.astimezone(UTC).replace(tzinfo=None)


def by_person(origin: Origin) -> bool:
    """Whether a stage's units are people: it counts from the person's clock or from other stages' end."""
    return not origin.events

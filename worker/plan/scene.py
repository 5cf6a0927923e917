"""What every query of a plan looks at, and the few forms in which keys appear in SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from config.policy import Origin, Policy
from worker.databases.facts import Schema
from worker.ledger.keys import KeyCodec
from worker.ledger.tables import Ledger
from worker.plan.calendar import Calendar, Test
from worker.plan.links import Links

RowTest = Callable[[sa.FromClause], Test]


@dataclass(frozen=True)
class Scene:
    """Policy, live schema, links, calendar and ledger."""

    policy: Policy
    schema: Schema
    links: Links
    calendar: Calendar
    ledger: Ledger

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


def key_in(columns: Sequence[sa.ColumnElement[Any]], keys: sa.BindParameter[Any] | list[Any]) -> Test:
    """Whether a key is one of a list, given now or when the statement runs: values for one column, tuples for more."""
    return columns[0].in_(keys) if len(columns) == 1 else sa.tuple_(*columns).in_(keys)


def key_in_query(columns: Sequence[sa.ColumnElement[Any]], query: sa.SelectBase) -> Test:
    """Whether a key is one that a query gives."""
    return columns[0].in_(query) if len(columns) == 1 else sa.tuple_(*columns).in_(query)


def keys_named(name: str) -> sa.BindParameter[Any]:
    """A list of keys that a statement gets when it runs."""
    return sa.bindparam(name, expanding=True)


def bare(keys: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Keys in the form that `key_in` compares: values instead of tuples of one."""
    return [k[0] if len(k) == 1 else k for k in keys]

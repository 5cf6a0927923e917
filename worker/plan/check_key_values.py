"""Keys that the ledger could not write down: what stands in a key column is more than its type says.

SQLite keeps any value in almost any column, and NULL in most primary keys; PostgreSQL has dates before the year 1 and
after 9999. Such a row could not be named, so a stage that touches its table does not run until it is put right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.facts import TableFacts
from worker.ledger.errors import UnsupportedKey
from worker.ledger.keys import KeyCodec, Part
from worker.plan.calendar import DAY
from worker.plan.check_ground import Ground
from worker.plan.check_keys import tables_with_keys

_FIRST, _LAST = "0001-01-01", "9999-12-31"


@dataclass(frozen=True)
class KeyQuestion:
    """A query that gives a row if a key of the table cannot be written down."""

    table: str
    path: str
    query: sa.Select[Any]


def key_questions(ground: Ground) -> Iterator[KeyQuestion]:
    """One for each table whose keys could surprise."""
    for table, path in tables_with_keys(ground).items():
        facts = ground.table(table)
        if facts is None or not facts.changeable or not facts.key:
            continue
        try:
            parts = KeyCodec.of([facts.table.c[c] for c in facts.key]).parts
        except UnsupportedKey:
            continue
        dialect, pairs = ground.schema.dialect, zip(facts.key, parts, strict=True)
        tests = [test for name, part in pairs for test in _odd(facts, name, part, dialect)]
        if tests:
            query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(facts.table)
            yield KeyQuestion(table, path, query.where(sa.or_(*tests)).limit(1))


def odd_key(ground: Ground, asked: KeyQuestion) -> None:
    """Note that there is such a row. Without keys of people nothing at all can be decided."""
    sentence = text("foreign.odd_key", table=asked.table)
    if asked.table == ground.policy.subject.table:
        ground.error(asked.path, sentence)
    else:
        ground.stop([asked.table], asked.path, sentence)


def _odd(facts: TableFacts, name: str, part: Part, dialect: str) -> Iterator[sa.ColumnElement[bool]]:
    column: sa.ColumnElement[Any] = facts.table.c[name]
    if dialect == "sqlite":
        plain = sa.type_coerce(column, sa.types.NullType())
        yield sa.func.typeof(plain) != ("integer" if part == "integer" else "text")
        if part == "date":
            yield sa.not_(plain.bool_op("GLOB")(DAY))
    elif part in ("date", "timestamp", "instant"):
        yield column < sa.cast(sa.literal(_FIRST, sa.Text()), column.type)
        yield column > sa.cast(sa.literal(_LAST, sa.Text()), column.type)

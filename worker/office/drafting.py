"""check --draft: a first policy from what a live database looks like. Reads catalogues, and of a few rows of each table
only how many look like an IIN, an e-mail or a telephone: no value leaves the database."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from config.catalogue import text
from config.names import join_names
from config.problems import did_you_mean
from worker.databases.base import Database
from worker.databases.facts import Schema, TableFacts
from worker.pipeline.tools import Refused
from worker.plan.draft import Draft
from worker.plan.draft_columns import Looks
from worker.plan.draft_text import draft_text
from worker.plan.draft_values import KINDS, like
from worker.plan.draft_words import Personal
from worker.strategies.kinds import kind_of

SAMPLE_ROWS, MOST_CHARACTERS, LEAST_VALUES = 300, 100, 5
MOST_COLUMNS, MOST_TABLES = 50, 500  # whose values are looked at; names and types tell enough of the rest


def draft(connection: sa.Connection, database: Database, schemas: Sequence[str] = ()) -> str:
    """The text of the policy. `schemas`: only these; otherwise all that are the operator's. Raises Refused."""
    found = _operators_tables(connection, database, schemas)
    if not any(facts.changeable for facts in found.tables.values()):
        raise Refused(text("draft.empty"))
    largest = sorted(found.tables.values(), key=lambda facts: -facts.rows)[:MOST_TABLES]
    looks = Looks({where: kind for facts in largest for where, kind in _looks(connection, facts)})
    return draft_text(Draft(found, looks), connection.dialect.identifier_preparer.quote)


def _operators_tables(connection: sa.Connection, database: Database, schemas: Sequence[str]) -> Schema:
    inspector = sa.inspect(connection)
    there = [n for n in inspector.get_schema_names() if not n.startswith(("pg_", "information_schema"))]
    if missing := sorted(set(schemas) - set(there)):
        raise Refused(text("draft.no_schema", schema=missing[0], advice=did_you_mean(missing[0], there)))
    wanted = set(schemas or there) - {database.ledger_schema}
    found = database.schema(connection, [join_names(name, "any") for name in sorted(wanted)])
    tables = sorted(found.tables.items())
    own = {n: f for n, f in tables if (f.table.schema or inspector.default_schema_name) in wanted}
    return Schema(found.dialect, own)


def _looks(connection: sa.Connection, facts: TableFacts) -> Iterator[tuple[tuple[str, str], Personal]]:
    texts = [c for c in facts.table.c if kind_of(c.type) == "text"][:MOST_COLUMNS]
    if not texts or not facts.changeable or facts.hides_rows:
        return
    counts = _counts(connection, facts, texts)
    for place, column in enumerate(texts if counts else ()):
        filled, *by_kind = counts[place * (len(KINDS) + 1) :][: len(KINDS) + 1]
        for kind, count in zip(KINDS, by_kind, strict=True):
            if filled >= LEAST_VALUES and count * 2 > filled:
                yield (facts.name, column.name), kind
                break


def _counts(connection: sa.Connection, facts: TableFacts, texts: Sequence[sa.Column[Any]]) -> list[int]:
    """For each column the values that are there, and of those how many look like each kind; nothing where the role may
    not read the table."""
    dialect = connection.dialect.name
    short = [sa.func.substr(c, 1, MOST_CHARACTERS).label(f"merzim_{i}") for i, c in enumerate(texts)]
    few = sa.select(*short).select_from(facts.table).limit(SAMPLE_ROWS).subquery()
    asked = []
    for column in few.c:
        tests = [column != "", *(like(kind, column, dialect) for kind in KINDS)]
        asked += [sa.func.coalesce(sa.func.sum(sa.case((t, 1), else_=0)), 0) for t in tests]
    try:
        with connection.begin_nested():
            return [int(n) for n in connection.execute(sa.select(*asked)).one()]
    except DBAPIError:
        return []

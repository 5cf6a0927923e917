"""`check --indexes`: which index serves each clock, hold, link and step, and what makes those that are missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.foreign_support import HEAD, STAGE, Way, way_of
from tests.integration.plans_shapes import numbers
from tests.integration.small_operator import BOTH

POLICY = (
    HEAD
    + """\
subject: {table: people, key: id, same person: iin}
links: [{from: letters.to, to: people.email}]
clock: [people.seen_at, letters.sent_at]
holds: {open case: {exists: cases, where: "closed_at IS NULL", basis: law}}
"""
    + STAGE
    + """\
      people: {depersonalise: {keep: [id, iin, email, seen_at], nothing: [name]}}
      cases: delete
  lines:
    from: case lines.at
    term: 5 years
    tables: {case lines: delete}
"""
)


def schema(dialect: str) -> list[str]:
    return [
        "CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), email TEXT, name TEXT, seen_at TIMESTAMP)",
        "CREATE INDEX people_same ON people (iin, seen_at)",
        'CREATE TABLE letters (id INTEGER PRIMARY KEY, "to" VARCHAR(90), sent_at TIMESTAMP)',
        """CREATE TABLE cases (year INTEGER, no INTEGER, person INTEGER REFERENCES people (id), closed_at TIMESTAMP,
            PRIMARY KEY (year, no))""",
        """CREATE TABLE "case lines" (id INTEGER PRIMARY KEY, year INTEGER, no INTEGER, at TIMESTAMP,
            FOREIGN KEY (year, no) REFERENCES cases (year, no))""",
        'CREATE INDEX backwards ON "case lines" (no, year)',
        f"INSERT INTO letters SELECT i, 'x', NULL FROM {numbers(dialect, 2000)}",
        f'INSERT INTO "case lines" SELECT i, NULL, NULL, NULL FROM {numbers(dialect, 2000)}',
        "ANALYZE",
    ]


def served(way: Way) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = json.loads(way.merzim("check", "--indexes"))
    return {(f["what for"], f["table"], ", ".join(f["columns"])): f for f in found}


@pytest.mark.parametrize("dialect", BOTH)
def test_each_lookup_has_its_index_or_the_statement_that_makes_it(dialect: str, tmp_path: Path) -> None:
    with way_of(dialect, tmp_path, schema(dialect), POLICY) as way:
        found = served(way)
        assert found["key", "people", "id"]["index"] == "the key (id)"
        assert found["same_person", "people", "iin"]["index"] == "people_same"
        assert found["children", "case lines", "year, no"]["index"] == "backwards"
        small = found["hold", "cases", "person"]
        assert (small["index"], small["ddl"]) == (None, None)
        assert found["clock", "people", "email"]["index"] is None
        concurrently = " CONCURRENTLY ON" if dialect == "postgresql" else " letters_to ON"
        assert found["clock", "letters", "to"]["ddl"] == f'CREATE INDEX{concurrently} letters ("to");'
        for each in [f for f in found.values() if f["ddl"]]:
            _alone(way, each["ddl"])
        again = served(way)
        assert [f for f in again.values() if f["ddl"]] == []
        assert again["clock", "letters", "to"]["index"] is not None
        assert again["order", "case lines", "at"]["index"] is not None
        warned = json.loads(way.merzim("check", "--json", code=None))["problems"]
        assert [p for p in warned if p["fix"]] == []


def _alone(way: Way, statement: str) -> None:
    """CREATE INDEX CONCURRENTLY can be in no transaction."""
    with way.operator.tools.database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(statement)
        connection.commit()

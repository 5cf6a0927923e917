"""Lists of keys in SQL: one parameter where the database takes it as one, of a type that finds no other row."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import CITEXT, ENUM

from worker.plan.key_lists import key_in, keys_named

POSTGRESQL = sa.make_url("postgresql+psycopg://").get_dialect()()


def written(kind: Any, dialect: sa.Dialect, negated: bool = False) -> str:
    row = sa.table("held", sa.column("k", kind))
    test = key_in([row.c.k], keys_named("keys"))
    said = sa.select(row).where(sa.not_(test) if negated else test).compile(dialect=dialect)
    return str(said).partition("WHERE ")[2]


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        (sa.Integer(), "INTEGER[]"),
        (sa.BigInteger(), "BIGINT[]"),
        (sa.String(5), "TEXT[]"),  # a cast to VARCHAR(5) would cut a longer text, and find another row
        (sa.String(5, collation="C"), "TEXT[]"),
        (sa.CHAR(5), "BPCHAR[]"),  # with TEXT blanks would count, and the index would not serve
        (CITEXT(), "CITEXT[]"),  # with TEXT the index would not serve
        (sa.Numeric(5, 2), "NUMERIC[]"),
        (sa.DateTime(timezone=True), "TIMESTAMP WITH TIME ZONE[]"),
        (sa.Uuid(), "UUID[]"),
    ],
    ids=str,
)
def test_postgresql_takes_one_array(kind: Any, array: str) -> None:
    assert written(kind, POSTGRESQL) == f"held.k = ANY (%(keys)s::{array})"
    assert written(kind, POSTGRESQL, negated=True) == f"NOT (held.k = ANY (%(keys)s::{array}))"


def test_an_enum_goes_in_a_list() -> None:
    assert "ANY" not in written(ENUM("a", "b", name="mood"), POSTGRESQL)


def test_sqlite_takes_numbers_as_one_text_and_other_keys_in_a_list() -> None:
    assert written(sa.Integer(), sqlite.dialect()) == "held.k IN (SELECT value FROM json_each(?))"
    assert "json_each" not in written(sa.Text(), sqlite.dialect())


@pytest.mark.parametrize("number", [0, 2**53 + 1, -(2**63), 2**63 - 1])
def test_sqlite_finds_exactly_the_numbers(number: int) -> None:
    engine = sa.create_engine("sqlite://")
    row = sa.Table("row", sa.MetaData(), sa.Column("k", sa.BigInteger, primary_key=True, autoincrement=False))
    with engine.begin() as connection:
        row.create(connection)
        near = {n for n in (number - 1, number, number + 1) if -(2**63) <= n < 2**63}
        connection.execute(row.insert(), [{"k": n} for n in near])
        query = sa.select(row.c.k).where(key_in([row.c.k], keys_named("keys")))
        assert connection.execute(query, {"keys": [number]}).scalars().all() == [number]
        assert connection.execute(query, {"keys": []}).scalars().all() == []


def test_a_list_that_is_given_now_is_never_taken_for_another() -> None:
    """A statement that is kept compiled would keep the first list."""
    engine = sa.create_engine("sqlite://")
    row = sa.Table("row", sa.MetaData(), sa.Column("k", sa.Integer, primary_key=True))
    with engine.begin() as connection:
        row.create(connection)
        connection.execute(row.insert(), [{"k": n} for n in range(5)])
        for keys in ([1, 2], [3], [0, 4]):
            assert list(connection.scalars(sa.select(row.c.k).where(key_in([row.c.k], keys)))) == keys

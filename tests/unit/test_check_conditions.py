"""Conditions as text: what may become part of merzim's own statements, before any database is asked."""

import pytest
import sqlalchemy as sa

from worker.databases.facts import TableFacts
from worker.plan.check_conditions import Condition, Unreadable, read

TABLE = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("note", sa.Text),
    sa.Column("paid_at", sa.DateTime),
    sa.Column("Аты", sa.Text),
    sa.Column("жсн", sa.Text),
    sa.Column("data", sa.JSON),
)
FACTS = TableFacts("orders", TABLE, "table", ("id",), (), (), (), (), ())


def read_on(dialect: str, text: str) -> Condition:
    return read(Condition("where", FACTS, text), dialect)


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize(
    "text",
    [
        "note IS NULL",
        "note <> 'contract' AND NOT (paid_at < '2020-01-01' OR id IN (1, 2))",
        "\"Аты\" = 'Айгүл' OR жсн LIKE '85%'",
        "note = 'it''s; -- not over /* at all */ ('",
        "NOTE = 'a'",
        "coalesce(length(note), 0) > 3",
        "CASE WHEN id = 1 THEN note = 'a' ELSE note = 'b' END",
        "id BETWEEN 1 AND 5\n AND note LIKE '100%'",
    ],
)
def test_what_may_be_written(text: str, dialect: str) -> None:
    assert read_on(dialect, text).text == text


@pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
@pytest.mark.parametrize(
    "text",
    [
        "1=1) OR (1=1",
        "(id = 1",
        "note = 'a' -- all",
        "note = /* all */ 'a'",
        "note = 'a';",
        "id = 1; DROP TABLE orders",
        "DROP TABLE orders",
        "UPDATE orders SET note = ''",
        "SELECT 1",
        "id IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "id = 1 UNION SELECT 2",
        "id = 1, note = 'a'",
        "count(id) > 1",
        "sum(id) OVER () > 1",
        "id = :id",
        "id = $1",
        "note = 'open",
        'note = "open',
        "note = E'it\\'s'",
        "orders.id = 1",
        "rowid = 1",
        "id = 1 yes",
        "id =",
        "note = 'a' \\ 'b'",
        "note = `a`",
        "*",
        "vacuum",
    ],
)
def test_what_is_refused(text: str, dialect: str) -> None:
    with pytest.raises(Unreadable):
        read_on(dialect, text)


def test_capital_letters_mean_what_the_database_means() -> None:
    read_on("sqlite", '"NOTE" = 1')
    with pytest.raises(Unreadable, match="no column `NOTE`; did you mean `note`"):
        read_on("postgresql", "\"NOTE\" = 'a'")
    with pytest.raises(Unreadable, match="no column `Аты`"):
        read_on("postgresql", "Аты = 'a'")


def test_only_postgresql_has_these_signs() -> None:
    read_on("postgresql", "data ? 'k' AND id = ANY (ARRAY[1, 2])")
    for text in ("id = ?", "id = @id", "[id] = 1"):
        with pytest.raises(Unreadable):
            read_on("sqlite", text)


def test_functions_are_found_however_they_are_written() -> None:
    text = 'random() > 0 AND pg_catalog.Now () > paid_at AND "Odd""One"(note) AND length(note) IN (1)'
    assert {"random", "now", 'odd"one', "length"} <= read_on("postgresql", text).functions

"""CHECK constraints that can be read, as PostgreSQL and SQLite give them back."""

import pytest
import sqlalchemy as sa

from config.policy import Origin, Stage, TableRule
from config.term import Term
from worker.databases.facts import TableFacts
from worker.plan.check_constraints import refusing_check
from worker.plan.check_rules import Rule, Treated
from worker.strategies.registry import resolve


def refused(check: str, spelling: str, dialect: str = "postgresql") -> bool:
    table = sa.Table("t", sa.MetaData(), sa.Column("code", sa.Text), sa.Column("other", sa.Text))
    facts = TableFacts("t", table, "table", (), (), (), (check,), (), ())
    stage = Stage(name="s", origin=Origin(subject=True), term=Term.parse("3 years"), tables={})
    rule = Rule(stage, TableRule(table="t", operation="depersonalise"), facts, "stages.s.tables.t")
    treated = Treated(rule, facts, table.c.code, resolve(spelling), "")
    return refusing_check(treated, treated.bound, dialect) is not None


@pytest.mark.parametrize(
    ("check", "spelling"),
    [
        ("length(code::text) = 12", 'constant "abc"'),
        ("char_length(code) <= 2", 'constant "abc"'),
        ("code::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[])", 'constant "c"'),
        ("code IN ('a', 'b')", 'constant "c"'),
        ("code <> ''", 'constant ""'),
        ("(code <> ''::text) AND length(code) > 1", 'constant "a"'),
        ("code ~ '^[0-9]+$'::text", 'constant "abc"'),
        ("code LIKE 'KZ%'", 'constant "RU1"'),
        ("code IS NOT NULL", "nothing"),
        ("NOT code = 'x'", 'constant "x"'),
        ("code > 10", 'constant "5"'),
        ("length(code) = 3", "synthetic iin"),
        ("code LIKE '%@shop.kz'", "synthetic email"),
        ("length(code) BETWEEN 1 AND 2", 'constant "abc"'),
    ],
)
def test_a_check_that_refuses(check: str, spelling: str) -> None:
    assert refused(check, spelling)


@pytest.mark.parametrize(
    ("check", "spelling"),
    [
        ("length(code) = 12", "synthetic iin"),
        ("code IN ('a', 'b')", 'constant "a"'),
        ("code IN ('a', 'b')", "nothing"),
        ("length(code) = 3 OR code IS NULL", "nothing"),
        ("code <> other", 'constant "a"'),
        ("other <> ''", 'constant ""'),
        ("is_fine(code)", 'constant ""'),
        ("code ~ '('", 'constant ""'),
        ("code > 10", 'constant "abc"'),
        ("this is no SQL at all (", 'constant ""'),
        ("length(code) = 3", "redact"),
    ],
)
def test_what_does_not_refuse_or_cannot_be_read(check: str, spelling: str) -> None:
    assert not refused(check, spelling)


def test_texts_of_mysql_name_their_characters() -> None:
    assert refused("(`code` in (_utf8mb4'a',_utf8mb4'b'))", 'constant "c"', "mysql")
    assert not refused("(`code` in (_utf8mb4'a',_utf8mb4'b'))", 'constant "a"', "mysql")


def test_glob_of_sqlite() -> None:
    assert refused("code GLOB '[0-9]*'", 'constant "abc"', "sqlite")
    assert refused("code NOT GLOB '*[^0-9]*'", 'constant "12a"', "sqlite")
    assert not refused("code GLOB '[0-9]*'", 'constant "1bc"', "sqlite")

"""A heavy person with two rows of one IIN, of whom rows are known by that IIN only: once it is replaced in one slice,
nothing could be found by it in the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.races.circle import Circle, circle_on, settle
from tests.integration.small_operator import EACH, LONG_AGO, Operator, operator_on
from worker.pipeline import gathering

ANNA = Circle(1)
BY_IIN = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), seen_at TIMESTAMP NULL)",
    "CREATE INDEX people_iin ON people (iin)",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, iin VARCHAR(12), note VARCHAR(80))",
    "CREATE INDEX notes_iin ON notes (iin)",
    f"INSERT INTO people VALUES (1, '{ANNA.iin}', '{LONG_AGO}')",
    *(f"INSERT INTO notes VALUES ({n}, '{ANNA.iin}', 'n')" for n in range(1, 10)),
)
POLICY = """\
policy: notes
operator: Somebody
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin}
links: [{from: notes.iin, to: people.iin}]
clock: [people.seen_at]
stages:
  all:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      people: delete
      notes: delete
"""
LEFT = f"iin = '{ANNA.iin}'"


@pytest.fixture(params=EACH)
def operator(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """A slice takes four rows."""
    monkeypatch.setattr(gathering, "ROWS_LIMIT", 4)
    for operator in circle_on(request.param, tmp_path):
        settle(operator, [ANNA])
        yield operator


def enter(operator: Operator, table: str, values: str, count: int) -> None:
    """Rows of Anna's beyond those that she has."""
    operator.sql(*(f"INSERT INTO {table} VALUES ({900 + n}, {values})" for n in range(count)))


def test_a_heavy_person_of_two_rows_goes_in_parts(operator: Operator) -> None:
    enter(operator, "visits", f"{ANNA.twin}, '{LONG_AGO}', 'n'", 7)
    run = operator.night()
    assert run.state == "done"
    assert operator.ids("visits", "person_id <> 13") == []
    assert operator.ids("people", "name = ''") == [ANNA.anna, ANNA.twin]
    assert operator.one(f"SELECT count(DISTINCT iin) FROM people WHERE id IN ({ANNA.anna}, {ANNA.twin})") == 1
    assert operator.ids("complaints", LEFT) == []
    parts = [e["part"] for e in operator.entries(run.run_id) if e["stage"] == "profile"]
    assert parts.index(False) >= 3


def test_what_is_known_by_the_iin_goes_with_it(operator: Operator) -> None:
    """However many rows these are: they change in the one slice in which the IIN does."""
    enter(operator, "complaints", f"NULL, '{ANNA.iin}', '{LONG_AGO}'", 9)
    assert operator.night().state == "done"
    assert operator.ids("complaints", LEFT) == operator.ids("payments", f"payer_{LEFT}") == []
    assert operator.ids("people", "name = ''") == [ANNA.anna, ANNA.twin]
    (iin,) = {row for (row,) in operator.rows(f"SELECT iin FROM people WHERE id IN ({ANNA.anna}, {ANNA.twin})")}
    assert {row for (row,) in operator.rows("SELECT iin FROM complaints WHERE iin IS NOT NULL")} == {iin}


@pytest.mark.parametrize("dialect", EACH)
def test_what_leads_to_the_person_goes_before_it(dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over a link that only the policy knows, and whatever the order in which the policy lists the tables."""
    monkeypatch.setattr(gathering, "ROWS_LIMIT", 4)
    for operator in operator_on(dialect, tmp_path, BY_IIN, POLICY):
        operator.accustom()
        assert operator.night().state == "done"
        assert operator.ids("people") == operator.ids("notes") == []

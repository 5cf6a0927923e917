"""A heavy person with two rows of one IIN, of whom rows are known by that IIN only: once it is replaced in one slice,
nothing could be found by it in the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.races.circle import Circle, circle_on, settle
from tests.integration.small_operator import EACH, LONG_AGO, Operator
from worker.pipeline import gathering

ANNA = Circle(1)
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

"""A busy operator: every slice is crossed, each time by somebody else. The night gets through all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.races.application import Application
from tests.integration.races.circle import Circle, circle_on, settle
from tests.integration.races.judging import check_ledger
from tests.integration.races.steps import Steps
from tests.integration.small_operator import LATELY, Operator
from worker.pipeline.work import CROSSED_LIMIT

CIRCLES = [Circle(n) for n in range(1, CROSSED_LIMIT + 11)]


@pytest.fixture(params=["postgresql", "mysql"])
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from circle_on(request.param, tmp_path)


def test_more_crossings_in_a_row_than_are_put_up_with(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(operator, CIRCLES)
    application, waiting = Application(operator), [*CIRCLES]
    crossing = Steps(operator, lambda _: None, lambda _: None)

    def pay(window: object) -> None:
        """Before the entry of a slice is written somebody pays, of whom nobody knew until then."""
        if waiting:
            circle = waiting.pop(0)
            new = f"({circle.anna * 10 + 5}, NULL, '{circle.iin}', '{LATELY}', 'new')"
            application.write(f"INSERT INTO payments VALUES {new}")

    crossing.before_entry = pay
    with crossing.watched(monkeypatch):
        assert operator.night().state == "done"
    assert not waiting
    assert operator.ids("people", "name = ''") == []
    check_ledger(operator)
    application.close()

"""Two processes find the same approved purge: one begins it, and the other leaves it alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.purge_support import approved
from tests.integration.races.circle import Circle, circle_on, settle
from tests.integration.small_operator import BOTH, Operator
from worker.ledger.runs import Run
from worker.pipeline.night import carry_on, workplace
from worker.pipeline.purging import begin_waiting
from worker.pipeline.tools import Refused

FIRST, SECOND = Circle(1), Circle(2)


@pytest.fixture(params=BOTH)
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in circle_on(request.param, tmp_path):
        settle(operator, [FIRST, SECOND])
        yield operator


@pytest.fixture
def late(operator: Operator) -> Iterator[Run | Refused]:
    """A process that has found two purges and begun the first."""
    for circle in (FIRST, SECOND):
        approved(operator, "erasure", people=[circle.clara])
    late = begin_waiting(operator.tools, operator.policy)
    assert not isinstance(next(late), Refused)
    return late


def test_who_comes_late_does_not_void_what_is_being_done(operator: Operator, late: Iterator[Run | Refused]) -> None:
    """By then the plan is another."""
    begin_elsewhere(operator)
    operator.sql(f"INSERT INTO letters VALUES (9999, {SECOND.clara}, 'new')")
    assert list(late) == []
    assert states(operator) == ["running", "running"]


def test_who_comes_when_it_is_done(operator: Operator, late: Iterator[Run | Refused]) -> None:
    assert carry_on(workplace(operator.tools, begin_elsewhere(operator))).state == "done"
    assert list(late) == []
    assert sorted(states(operator)) == ["done", "running"]


def begin_elsewhere(operator: Operator) -> Run:
    (run,) = begin_waiting(operator.tools, operator.policy)
    assert isinstance(run, Run)
    return run


def states(operator: Operator) -> list[str]:
    return [request["state"] for request in operator.ledger("request")]

"""A visit goes to an active person when its remarks are selected and it is not: they are hers from then on.

The visit lies between the remarks and the person. Only a lock on it keeps it where it was when it was looked at, and
slices have many ways not to lock it for a reason of their own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.night_support import one_unit_a_slice
from tests.integration.races.application import Application
from tests.integration.races.circle import POLICY, circle_on
from tests.integration.races.events import EVENTS
from tests.integration.races.judging import Archive, broken, check_ledger
from tests.integration.races.racing import Race, Races
from tests.integration.races.test_race_matrix import steps_of_a_slice
from tests.integration.small_operator import EACH, Operator, ignoring
from worker.pipeline import gathering

REMARKS, VISITS, LETTERS = (f"      {table}: delete\n" for table in ("remarks", "visits", "letters"))
LATER = "      remarks:\n        depersonalise: {keep: [id, visit_id], nothing: [note]}\n        after: people\n"
ROWS = {"of few rows": 2}
AT_MOST, APART = 60, 5
POLICIES = {
    "of few rows": POLICY,
    "that leaves visits alone": POLICY.replace(VISITS, "").replace(LETTERS, LETTERS + VISITS),
    "that takes remarks last": POLICY.replace(VISITS, "").replace(REMARKS, LATER) + ignoring("visits"),
}


@pytest.fixture(params=[(dialect, kind) for dialect in EACH[1:] for kind in POLICIES], ids="-".join)
def operator(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    dialect, kind = request.param
    monkeypatch.setattr(gathering, "ROWS_LIMIT", ROWS.get(kind, gathering.ROWS_LIMIT))
    yield from circle_on(dialect, tmp_path, POLICIES[kind])


def test_what_lies_between_becomes_somebody_elses(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """In slices that do not lock all visits."""
    one_unit_a_slice(monkeypatch)
    application = Application(operator)
    steps = [step for step in steps_of_a_slice(operator, application, monkeypatch) if step[0] == "profile"]
    steps = steps[:AT_MOST:APART]
    (moves,) = (event for event in EVENTS if event.name == "a visit turns out to be somebody else's")
    races = Races(operator, application, [Race(moves, *step) for step in steps])
    assert races.night(monkeypatch).state == "done"
    archive = Archive(operator)
    assert [said for circle, race in races.races.items() for said in broken(circle, race, archive)] == []
    assert {race.waited for race in races.races.values()} == {False, True}
    check_ledger(operator)
    application.close()

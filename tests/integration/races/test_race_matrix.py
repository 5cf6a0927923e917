"""Every event of the application before every step of a slice, with real sessions on every database.

`make test` takes each event once. MERZIM_TEST_RACES=all asks for every event at every step, a number for so many of
these, evenly spread.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from tests.integration.night_support import one_unit_a_slice
from tests.integration.races.application import Application
from tests.integration.races.circle import STAGES, circle_on
from tests.integration.races.events import EVENTS, Event
from tests.integration.races.judging import Archive, broken, check_ledger, undone
from tests.integration.races.racing import Race, Races
from tests.integration.small_operator import EACH, Operator

WANTED = os.environ.get("MERZIM_TEST_RACES", "")
RACES_A_NIGHT = 60
JOINED = "somebody with nothing but a login turns out to be the same person"
NEVER = Event("nothing", lambda application, circle: 0)
Place = tuple[Event, tuple[str, int]]


@pytest.fixture(params=EACH)
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from circle_on(request.param, tmp_path)


@pytest.fixture
def application(operator: Operator) -> Iterator[Application]:
    application = Application(operator)
    yield application
    application.close()


@pytest.mark.parametrize("alone", [False, True], ids=["with a twin", "alone"])
def test_every_event_before_every_step(
    operator: Operator, application: Application, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    one_unit_a_slice(monkeypatch)
    steps = steps_of_a_slice(operator, application, monkeypatch, alone)
    places = chosen(operator.dialect, steps, alone)
    ran, problems = list[Race](), list[str]()
    for at in range(0, len(places), RACES_A_NIGHT):
        races = [Race(event, *step) for event, step in places[at : at + RACES_A_NIGHT]]
        problems += night_of(races, operator, application, monkeypatch, alone)
        ran += races
    waited, crossed = sum(r.waited for r in ran), sum(r.crossed_at_last for r in ran)
    print(
        f"{operator.dialect}: {len(ran)} races at {len(steps)} steps; {waited} waited, {crossed} came at the very last"
    )
    assert not problems, f"{len(problems)} problems:\n" + "\n".join(problems)


def test_what_lies_between_becomes_somebody_elses(
    operator: Operator, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A visit goes to an active person when its remarks are selected and it is not: they are hers from then on."""
    one_unit_a_slice(monkeypatch)
    steps = [step for step in steps_of_a_slice(operator, application, monkeypatch) if step[0] == "profile"]
    (moves,) = (event for event in EVENTS if event.name == "a visit turns out to be somebody else's")
    assert night_of([Race(moves, *step) for step in steps], operator, application, monkeypatch) == []


def chosen(dialect: str, steps: Sequence[tuple[str, int]], alone: bool) -> list[Place]:
    """The races to run. In a sample every third event will do on SQLite, where most of them wait for the slice; and of
    somebody alone, that she no longer is."""
    every = [(event, step) for event, step in product(EVENTS, steps) if not (alone and "twin" in event.name)]
    if WANTED:
        return every if WANTED == "all" else every[:: max(1, len(every) // int(WANTED))]
    if alone:
        return [(event, step) for event, step in every if event.name == JOINED][EACH.index(dialect) :: 3]
    stride, skip = 37 + 10 * EACH.index(dialect), 3 if dialect == "sqlite" else 1
    return [(event, steps[n * stride % len(steps)]) for n, event in enumerate(EVENTS) if n % skip == 0]


def steps_of_a_slice(
    operator: Operator, application: Application, patch: pytest.MonkeyPatch, alone: bool = False
) -> Sequence[tuple[str, int]]:
    """The steps of the slices about one Anna, as they are if nothing happens."""
    steps = Races(operator, application, [Race(NEVER, "profile", -1) for _ in range(3)], alone).steps(patch)
    assert set(steps) == set(STAGES)
    return [(stage, number) for stage in STAGES for number in steps[stage]]


def night_of(
    races: Sequence[Race],
    operator: Operator,
    application: Application,
    patch: pytest.MonkeyPatch,
    alone: bool = False,
) -> list[str]:
    """A night of races, and another after it; what is wrong then."""
    these = Races(operator, application, races, alone)
    assert these.night(patch).state == "done"
    archive, problems = Archive(operator), list[str]()
    for circle, race in these.races.items():
        problems += broken(circle, race, archive)
    assert operator.night().state == "done"
    for circle, race in these.races.items():
        problems += undone(circle, race, application.world(circle))
    check_ledger(operator)
    return problems

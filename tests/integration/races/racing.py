"""A night in which every circle has a race of its own, and what was committed to each circle, state after state."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tests.integration.races.application import Application, MustWait
from tests.integration.races.circle import Circle, World, settle
from tests.integration.races.events import Event, Keys
from tests.integration.races.steps import Step, Steps, Window
from tests.integration.small_operator import Operator
from worker.pipeline.night import Outcome

NUMBERS = itertools.count(1)  # never used again: the ledger remembers whom earlier nights took


@dataclass
class State:
    """What is committed. `attempt` and `stage`: the slice that made it so; None for what the application did."""

    world: World
    attempt: str | None = None
    stage: str | None = None


@dataclass
class Race:
    """An event before a step of the slices about a circle's Anna in one stage, and what came of it."""

    event: Event
    stage: str
    number: int
    waited: bool = False
    at_last: bool = False
    changed: int | None = None
    spared: Keys = field(default_factory=set)
    states: list[State] = field(default_factory=list)

    @property
    def crossed_at_last(self) -> bool:
        """Whether it came between the last look and COMMIT, where no lock could stop it."""
        return self.at_last and self.event.unlockable and not self.waited

    @property
    def too_late(self) -> Keys:
        """Rows that the event made when their person was done already: nobody has them go, until the person's clock
        moves or, made over an IIN that is nobody's any more, by their own term."""
        landed = [n for n, state in enumerate(self.states) if n and state.attempt is None]
        if not landed or self.spared:
            return set()
        at = landed[0]
        done = {state.stage for state in self.states[:at]}
        made = self.states[at].world.keys() - self.states[at - 1].world.keys()
        return {k for k in made if ("letters" if k[0] == "letters" else "profile") in done}

    def __str__(self) -> str:
        return f"{self.event.name} before step {self.number} of {self.stage}"


class Races:
    """The races of one night, each with its circle."""

    def __init__(
        self, operator: Operator, application: Application, races: Sequence[Race], alone: bool = False
    ) -> None:
        self.operator, self.application = operator, application
        self.races = {Circle(next(NUMBERS)): race for race in races}
        settle(operator, list(self.races), alone)
        for circle, race in self.races.items():
            race.states.append(State(application.world(circle)))

    def night(self, patch: pytest.MonkeyPatch) -> Outcome:
        """The night in which they take place."""
        with Steps(self.operator, self._before, self._ended).watched(patch):
            return self.operator.night()

    def steps(self, patch: pytest.MonkeyPatch) -> dict[str, list[int]]:
        """The steps that a night has at least for any circle, by stage, and that can be told apart."""
        steps = Steps(self.operator, self._before, self._ended)
        with steps.watched(patch):
            assert self.operator.night().state == "done"
        stages = {stage for _, stage in steps.counts}
        least = {stage: min(self.races, key=lambda circle: steps.counts[circle, stage]) for stage in stages}
        return {stage: steps.apart[circle, stage] for stage, circle in least.items()}

    def _before(self, step: Step) -> None:
        race = self.races[step.circle]
        if (race.stage, race.number) == (step.stage, step.number) and race.changed is None and not race.waited:
            race.at_last = step.last
            self._happen(step.circle, race)

    def _happen(self, circle: Circle, race: Race) -> None:
        try:
            race.changed = race.event.act(self.application, circle)
        except MustWait:
            assert not race.waited, f"{race}: waits although no slice is open"
            race.waited = True
            return
        world = self.application.world(circle)
        race.states.append(State(world))
        race.spared = race.event.protects(circle, world) if race.changed else set()

    def _ended(self, window: Window) -> None:
        """A slice is over: whoever had to wait for it comes now."""
        race = self.races[window.circle]
        if window.written:
            race.states.append(State(self.application.world(window.circle), window.attempt, window.stage))
        if race.waited and race.changed is None and window.anna:
            self._happen(window.circle, race)

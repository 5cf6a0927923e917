"""A night disturbed at one step, and then gone on with until it is done."""

import os
import random
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import structlog

from tests.integration.faults.ending import Ending, Rows, ending_of, rows_of, wrongs_of
from tests.integration.faults.mishaps import Mishap, die
from tests.integration.faults.scene import Scene
from tests.integration.faults.wire import Step, Wire, counting
from worker.pipeline.night import Outcome
from worker.telling import foreseen

FAULTS = os.environ.get("MERZIM_TEST_FAULTS", "1")
"""At how many steps each mishap is tried, or "all"."""
NIGHTS = 4  # so many at the most until all is done
UNHARMED, UNFORESEEN = 7, 8
MANY_ALIKE = (
    re.compile("^_read_gen"),
    re.compile(
        r"pg_catalog\.|attr\.conrelid|n\.nspname|^WITH RECURSIVE (layer|reads)|sqlite_master|^PRAGMA|^SHOW|schema"
    ),
)
"""Of steps that follow each other and are of one of these kinds, the first and the last are tried."""


@dataclass
class Trial:
    """The scene, what is done in it, and how that ends undisturbed."""

    scene: Scene
    act: Callable[[], Outcome]
    before: Rows = field(default_factory=dict)
    steps: Sequence[Step] = ()
    expected: Ending | None = None

    def rehearse(self) -> "Trial":
        """Once to warm up, once to count."""
        self.scene.reset()
        self.before = rows_of(self.scene.operator)
        self.act()
        self.scene.reset()
        with counting(Wire(self.scene.operator.folder)) as wire:
            outcome = self.act()
        assert outcome.state == "done", outcome.reason
        assert wrongs_of(self.scene) == []
        self.steps, self.expected = told_apart(wire.steps), ending_of(self.scene, self.before)
        return self

    def chosen(self, mishap: Mishap) -> list[Step]:
        """Steps to be tried. Before the first INSERT nothing is decided: there only what ends a session matters."""
        if mishap.only == "disk":
            return sample([s for s in self.steps if s.kind == "disk"], mishap.name)
        begins = next(s.number for s in self.steps if "INSERT" in s.said)
        early = mishap.kills or mishap.name == "lost connection"
        fitting = [s for s in self.steps if s.kind != "disk" and mishap.only in (None, s.kind)]
        return sample([s for s in fitting if early or s.number >= begins], mishap.name)

    def wrongs(self, mishap: Mishap, step: Step) -> list[str]:
        """What is wrong after the mishap at this step and as many nights as it takes."""
        self.scene.reset()
        self.scene.schema.anew = True
        wrongs = self._killed(step) if mishap.kills else self._disturbed(mishap, step)
        return wrongs + self.come_to_an_end()

    def come_to_an_end(self) -> list[str]:
        """Go on undisturbed, and compare."""
        assert self.expected is not None
        self.scene.schema.anew = False
        outcome = self.act()
        for _ in range(NIGHTS):
            if outcome.state == "done":
                break
            outcome = self.act()
        wrongs = [] if outcome.state == "done" else [f"ended as {outcome.state}: {outcome.reason}"]
        return wrongs + wrongs_of(self.scene) + self.expected.differences(ending_of(self.scene, self.before))

    def _disturbed(self, mishap: Mishap, step: Step) -> list[str]:
        wire = Wire(self.scene.operator.folder)
        struck: list[Step] = []

        def at(happens: Callable[[Step], None]) -> Callable[[Step], None]:
            def watch(now: Step) -> None:
                if now.is_like(step):
                    struck.append(now)
                    happens(now)

            return watch

        wire.before, wire.after = at(mishap.before), at(mishap.after)
        with counting(wire):
            wrongs = told(self.act)
        return wrongs if struck else ["the step was never reached"]

    def _killed(self, step: Step) -> list[str]:
        """In a process of its own, which is no more when it comes to the step."""
        self.scene.operator.tools.database.engine.dispose()
        child = os.fork()
        if child == 0:
            _die_at(step, self)
        _, status = os.waitpid(child, 0)
        return [] if os.WIFSIGNALED(status) else [f"not killed, exit code {os.waitstatus_to_exitcode(status)}"]


def _die_at(step: Step, trial: Trial) -> None:
    code = UNFORESEEN
    try:
        wire = Wire(trial.scene.operator.folder)

        def watch(now: Step) -> None:
            if now.is_like(step):
                die(now)

        wire.before = watch
        with counting(wire):
            trial.act()
        code = UNHARMED
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(code)


def told(act: Callable[[], object]) -> list[str]:
    """What is wrong with how it ended: nothing, if it ended well or with a sentence that names nobody."""
    try:
        act()
    except Exception as error:
        sentences = foreseen(error)
        if sentences is None:
            return [f"no sentence for {type(error).__name__}: {error}", *traceback.format_tb(error.__traceback__)[-3:]]
        return [f"a value is told: {s}" for s in sentences if "@mail.kz" in s or "9001000" in s or "Name " in s]
    return []


def told_apart(steps: Sequence[Step]) -> list[Step]:
    """Without what lies between the first and the last of many alike: rows that come in, and what SQLAlchemy asks of
    the catalogue when it reads the whole schema."""
    kinds = [next((kind for kind in MANY_ALIKE if kind.search(s.said)), None) for s in steps]
    beside = zip([None, *kinds], kinds, [*kinds[1:], None], steps, strict=False)
    return [step for before, kind, after, step in beside if kind is None or not before is kind is after]


def sample(steps: Sequence[Step], name: str) -> list[Step]:
    """All of them, or a few: one from each of as many equal parts."""
    if FAULTS == "all" or int(FAULTS) >= len(steps):
        return list(steps)
    chance, few = random.Random(name), int(FAULTS)  # the same steps every time
    bounds = [i * len(steps) // few for i in range(few + 1)]
    return [steps[chance.randrange(first, last)] for first, last in pairwise(bounds)]


def quiet() -> Iterator[None]:
    """Without the lines of every slice."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def disturb(trial: Trial, mishap: Mishap, record: Callable[[str, object], None]) -> None:
    """The mishap at each of the chosen steps; fails if an ending differs from the undisturbed one."""
    steps = trial.chosen(mishap)
    wrongs = {str(step): what for step in steps if (what := trial.wrongs(mishap, step))}
    record("injections", f"{trial.scene.operator.dialect} {len(steps)}")
    folder = str(trial.scene.operator.folder)
    assert not wrongs, "\n".join(f"{at}: {'; '.join(what)}".replace(folder, "…") for at, what in wrongs.items())


@contextmanager
def trials(folder: Path, made: Callable[[str, Path], Iterator[Trial]]) -> Iterator[Callable[[str], Trial]]:
    """Trials by database, each made and rehearsed when it is first asked for."""
    found: dict[str, Trial] = {}
    with ExitStack() as opened:

        def on(dialect: str) -> Trial:
            if dialect not in found:
                place = folder / dialect
                place.mkdir(exist_ok=True)  # a server that is not there is asked for again
                found[dialect] = opened.enter_context(contextmanager(made)(dialect, place))
            return found[dialect]

        yield on

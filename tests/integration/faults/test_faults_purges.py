"""A purge that two people agreed on, and at one of its steps the database fails it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.integration.faults.disturbing import FAULTS, Trial, disturb, quiet, trials
from tests.integration.faults.mishaps import MISHAPS, Mishap, pairs
from tests.integration.faults.scene import ACTIVE, HEAVY, Scene, scene_on
from tests.integration.purge_support import approved
from tests.integration.small_operator import Operator
from worker.ledger.runs import PURGE, find_run
from worker.pipeline.night import Outcome
from worker.pipeline.purging import carry_out_waiting
from worker.pipeline.work import Progress

SOME = ("kill", "lost connection", "lost reply", "deadlock", "statement timeout")
silent = pytest.fixture(autouse=True, scope="module")(quiet)


def purges(dialect: str, folder: Path) -> Iterator[Trial]:
    """An erasure of somebody who is active, and of somebody with many rows."""

    def ask(operator: Operator) -> None:
        approved(operator, "erasure", people=[HEAVY, ACTIVE])

    for scene in scene_on(dialect, folder, prepare=ask):
        yield Trial(scene, partial(purge, scene)).rehearse()


def purge(scene: Scene) -> Outcome:
    """Carry out what waits; the outcome is that of the only purge, whenever it was carried out."""
    operator = scene.operator
    list(carry_out_waiting(operator.tools, operator.policy))
    (run,) = operator.ledger("run", kind=PURGE)
    with operator.tools.database.reading() as connection:
        found = find_run(connection, operator.tools.ledger, run["id"])
    return Outcome(found.id, found.state, found.reason, Progress())


@pytest.fixture(scope="module")
def trial_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Trial]]:
    with trials(tmp_path_factory.mktemp("purges"), purges) as on:
        yield on


@pytest.mark.parametrize(("database", "mishap"), pairs(MISHAPS, None if FAULTS == "all" else SOME), ids=str)
def test_whatever_happens_at_a_step_the_purge_ends_like_an_undisturbed_one(
    trial_on: Callable[[str], Trial], database: str, mishap: Mishap, record_property: Callable[[str, object], None]
) -> None:
    disturb(trial_on(database), mishap, record_property)

"""A night, and at one of its steps the database or the disk fails it. See docs/faults.md."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.faults.disturbing import Trial, disturb, quiet, trials
from tests.integration.faults.mishaps import DISK_MISHAPS, MISHAPS, Mishap, pairs
from tests.integration.faults.scene import scene_on

silent = pytest.fixture(autouse=True, scope="module")(quiet)


def nights(dialect: str, folder: Path) -> Iterator[Trial]:
    for scene in scene_on(dialect, folder):
        yield Trial(scene, scene.operator.night).rehearse()


@pytest.fixture(scope="module")
def trial_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Trial]]:
    with trials(tmp_path_factory.mktemp("faults"), nights) as on:
        yield on


ON_MYSQL = [("real mysql", MISHAPS[name]) for name in ("lost connection", "lost reply")]


@pytest.mark.parametrize(("database", "mishap"), [*pairs(MISHAPS), *ON_MYSQL], ids=str)
def test_whatever_happens_at_a_step_the_next_night_ends_like_an_undisturbed_one(
    trial_on: Callable[[str], Trial], database: str, mishap: Mishap, record_property: Callable[[str, object], None]
) -> None:
    disturb(trial_on(database), mishap, record_property)


@pytest.mark.parametrize(("database", "mishap"), pairs(DISK_MISHAPS), ids=str)
def test_whatever_happens_to_the_disk_the_next_night_ends_like_an_undisturbed_one(
    trial_on: Callable[[str], Trial], database: str, mishap: Mishap, record_property: Callable[[str, object], None]
) -> None:
    disturb(trial_on(database), mishap, record_property)

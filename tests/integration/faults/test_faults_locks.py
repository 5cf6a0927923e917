"""Another session's locks, for real: one that merzim waits for in vain, and one that waits for merzim's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.integration.faults.disturbing import Trial, quiet, told
from tests.integration.faults.mishaps import SERVERS
from tests.integration.faults.scene import scene_on
from tests.integration.faults.wire import Step, Wire, counting

silent = pytest.fixture(autouse=True, scope="module")(quiet)


@pytest.fixture(scope="module", params=[*SERVERS, "real mysql"])
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder: Path = tmp_path_factory.mktemp("locks")
    for scene in scene_on(request.param, folder):
        yield Trial(scene, scene.operator.night).rehearse()


@pytest.mark.parametrize("wants_ours", [False, True], ids=["lock timeout", "deadlock"])
def test_a_lock_on_a_child_row_costs_a_try_and_nothing_else(trial: Trial, wants_ours: bool) -> None:
    """Somebody has an order, and in the second case wants its person too, whom merzim has locked."""
    trial.scene.reset()
    engine = sa.create_engine(trial.scene.operator.tools.database.engine.url, poolclass=sa.NullPool)
    with engine.connect() as other, ThreadPoolExecutor(1) as thread:
        other.execute(sa.text("SELECT id FROM orders WHERE id = 1 FOR UPDATE"))
        asked: list[object] = []

        def lock_person() -> bool:
            try:
                other.execute(sa.text("SELECT id FROM people WHERE id = 1 FOR UPDATE"))
            except OperationalError:
                return False
            finally:
                other.rollback()
            return True

        def before(step: Step) -> None:
            if step.said.startswith("SELECT orders_1.id") and wants_ours and not asked:
                asked.append(thread.submit(lock_person))

        with counting(Wire(trial.scene.operator.folder, before=before)):
            assert told(trial.act) == []
        assert bool(asked) == wants_ours
        other.rollback()
    engine.dispose()
    assert trial.come_to_an_end() == []

"""Spool, store, keys, clock and reports that fail: nothing is lost, and merzim says what to do."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.integration.faults.disturbing import FAULTS, Trial, quiet, told
from tests.integration.faults.ending import rows_of
from tests.integration.faults.scene import scene_on
from tests.integration.faults.wire import Step, Wire, counting
from tests.integration.small_operator import BOTH, NOW, Operator
from worker.archive.errors import ArchiveError
from worker.pipeline.beginning import Wish
from worker.pipeline.night import night
from worker.pipeline.tools import Refused
from worker.pipeline.work import Progress

silent = pytest.fixture(autouse=True, scope="module")(quiet)
Damage = Callable[[Path], object]


def flip(path: Path) -> None:
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Damage] = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "altered": flip,
    "emptied": lambda path: path.write_bytes(b""),
}


@pytest.fixture(scope="module", params=BOTH if FAULTS == "all" else ["sqlite"])
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    folder: Path = tmp_path_factory.mktemp("disks")
    for scene in scene_on(request.param, folder):
        yield Trial(scene, scene.operator.night).rehearse()


@pytest.fixture
def shop(trial: Trial) -> Operator:
    trial.scene.reset()
    return trial.scene.operator


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_segment_damaged_on_its_way_to_the_store_stays_and_is_told(trial: Trial, shop: Operator, damage: str) -> None:
    assert shop.tools.spool is not None
    sound: dict[Path, bytes] = {}

    def spoil(_: Progress) -> None:
        for path in [] if sound else sorted(shop.folder.glob("spool/**/*.age")):
            sound[path] = path.read_bytes()
            DAMAGES[damage](path)

    for _ in range(2):  # and no night begins before somebody has looked
        with pytest.raises(ArchiveError, match="is not the file that was sealed"):
            shop.night(watch=spoil)
    ((path, content),) = sound.items()
    assert path.exists()
    path.write_bytes(content)
    assert trial.come_to_an_end() == []


@pytest.mark.parametrize("lie", [*DAMAGES, "nothing kept"])
def test_a_store_that_lies_about_success_is_found_out_and_the_spool_keeps(
    trial: Trial, shop: Operator, lie: str
) -> None:
    lied: list[Path] = []

    def spoil(step: Step) -> None:
        target = Path(step.path.partition(".age")[0] + ".age")
        if step.said.startswith("replace") and "/archive/" in step.path and not lied:
            lied.append(target)
            DAMAGES.get(lie, Path.unlink)(target)

    with counting(Wire(shop.folder, after=spoil)), pytest.raises(ArchiveError):
        shop.night()
    assert shop.folder / "spool" / lied[0].relative_to(shop.folder / "archive") in shop.folder.glob("spool/**/*.age")
    lied[0].unlink(missing_ok=True)
    assert trial.come_to_an_end() == []


@pytest.mark.parametrize("place", ["spool", "archive"])
def test_a_folder_whose_place_something_else_takes_is_told(trial: Trial, shop: Operator, place: str) -> None:
    (shop.folder / place).write_text("no folder")
    with pytest.raises(ArchiveError, match=place):
        shop.night()
    (shop.folder / place).unlink()
    assert trial.come_to_an_end() == []


def test_a_disk_that_fills_up_in_the_middle_of_a_segment_loses_nothing(tmp_path: Path) -> None:
    """In a process that may write no file longer than this: the operating system cuts it short. (SQLite's database is a
    file too.)"""
    for scene in scene_on("postgresql", tmp_path):
        _fill_up(Trial(scene, scene.operator.night).rehearse())


def _fill_up(trial: Trial) -> None:
    trial.scene.reset()
    shop = trial.scene.operator
    shop.tools.database.engine.dispose()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
        try:
            os._exit(1 if told(shop.night) else 0 if not shop.ledger("entry", kind="slice") else 2)
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(shop.folder.glob("spool/**/*.part")) == []
    assert trial.come_to_an_end() == []


@pytest.mark.parametrize("missing", ["recipients", "sign", "spool", "store"])
def test_without_a_key_or_a_place_nothing_begins(trial: Trial, shop: Operator, missing: str) -> None:
    before = rows_of(shop)
    without: dict[str, Any] = {missing: () if missing == "recipients" else None}
    tools = replace(shop.tools, **without)
    with pytest.raises(Refused):
        night(tools, shop.policy, Wish(NOW))
    assert rows_of(shop) == before
    assert shop.ledger("run", state="open") == []
    assert trial.come_to_an_end() == []


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(hours=5), timedelta(days=366)])
@pytest.mark.parametrize("at", ["INSERT INTO merzim.intent", "INSERT INTO merzim.entry"])
def test_a_clock_that_jumps_changes_nobodys_fate(trial: Trial, shop: Operator, jump: timedelta, at: str) -> None:
    moved: list[time_machine.travel] = []
    words = at if shop.dialect == "postgresql" else at.replace("merzim.", "merzim_")

    def move(step: Step) -> None:
        if step.said.startswith(words) and not moved:
            moved.append(time_machine.travel(datetime.now(UTC) + jump, tick=True))
            moved[0].start()

    try:
        with counting(Wire(shop.folder, before=move)):
            assert shop.night().state == "done"
    finally:
        for each in moved:
            each.stop()
    assert moved
    assert trial.come_to_an_end() == []


@contextmanager
def reports_at(shop: Operator, folder: Path) -> Iterator[None]:
    """MERZIM_REPORTS."""
    settings = shop.env_file.read_text()
    shop.env_file.write_text(f"{settings}MERZIM_REPORTS={folder}\n")
    yield
    shop.env_file.write_text(settings)


def test_a_report_that_cannot_be_written_costs_nothing_but_the_page(trial: Trial, shop: Operator) -> None:
    with reports_at(shop, shop.env_file / "reports"):  # a file is no folder, whoever writes
        run = shop.cli("run", "--now", NOW.isoformat(), "--json")
    assert run.returncode == 0, run.stderr
    assert "report could not be written" in run.stderr
    assert '"state": "done"' in run.stdout
    assert trial.come_to_an_end() == []

"""Nights that start by themselves: real beat, real workers, real Redis and PostgreSQL."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.fleet import ZONE, Fleet, open_fleet, window
from tests.integration.night_support import assert_all_done_once, segments_without_entry, wait_until

PEOPLE = range(1, 601)
NIGHT_SECONDS = 240  # a window opens with a full minute


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Six hundred people, and six batches a stage."""
    with open_fleet(tmp_path, PEOPLE) as fleet:
        yield fleet


def soon() -> int:
    """In how many minutes a window opens that beat is up in time for: it opens with a full minute."""
    return 1 if datetime.now(ZONE).second < 35 else 2


def assert_one_good_night(fleet: Fleet) -> None:
    wait_until(lambda: fleet.state() == "done", NIGHT_SECONDS)
    assert_all_done_once(fleet.club, PEOPLE)
    (night,) = fleet.nights()
    page = fleet.folder / "reports" / f"{night[0]}.html"
    wait_until(lambda: [e["run"] for e in fleet.events("run closed")] == [night[0]] and page.exists())
    assert "600" in page.read_text("utf-8")
    assert fleet.club.value(f"SELECT count(*) FROM merzim.seal WHERE run_id = '{night[0]}'") == 1
    wait_until(lambda: segments_without_entry(fleet.club) == set())


def test_two_beats_make_one_night_which_two_workers_carry_out(fleet: Fleet) -> None:
    """No sweep helps: the beats' own message starts the night when the window opens."""
    fleet.settle(WINDOW=window(soon(), 120), SWEEP_SECONDS="3600")
    for name in ("one", "two"):
        fleet.worker(name)
        fleet.beat(name)
    assert_one_good_night(fleet)
    assert len(fleet.events("night begun")) == 1
    assert all(fleet.events("slice committed", f"worker-{name}") for name in ("one", "two"))


def test_a_beat_that_starts_late_still_makes_tonights_run(fleet: Fleet) -> None:
    fleet.settle(WINDOW=window(-10, 120))
    fleet.worker()
    fleet.beat()
    assert_one_good_night(fleet)


def test_a_broker_that_is_away_when_the_window_opens_costs_no_night(fleet: Fleet) -> None:
    fleet.settle(WINDOW=window(soon(), 120))
    fleet.worker()
    fleet.beat()
    wait_until(lambda: bool(fleet.events("Scheduler: Sending due task sweep (merzim.sweep)")))
    fleet.broker.stop()
    sent = "Scheduler: Sending due task nightly (merzim.nightly)"
    wait_until(lambda: bool(fleet.events(sent)), NIGHT_SECONDS)
    assert fleet.nights() == []
    fleet.broker.start()
    assert_one_good_night(fleet)

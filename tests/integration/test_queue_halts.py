"""What ends a night early: its window, another decision about the policy, and whoever stops the worker."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.fleet import ZONE, Fleet, open_fleet, window
from tests.integration.night_support import POLICY, assert_all_done_once, segments_without_entry, wait_until
from worker.ledger.gate import hold_exclusive
from worker.pipeline.beginning import tonight
from worker.pipeline.night import carry_on, workplace
from worker.plan.window import Hours

PEOPLE = range(1, 401)
OLD, NEW = "2018-01-01 10:00:00", "2020-01-01 10:00:00"


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Four hundred people; those with even numbers have been quiet for longer."""
    with open_fleet(tmp_path, PEOPLE) as fleet:
        for table, column in (("people", "last_login_at"), ("visits", "at"), ("payments", "paid_at")):
            fleet.club.execute(
                f"UPDATE {table} SET {column} = CASE mod(id, 2) WHEN 0 THEN %s ELSE %s END::timestamp", OLD, NEW
            )
        yield fleet


def slices(fleet: Fleet) -> int:
    return int(fleet.club.value("SELECT count(*) FROM merzim.entry"))


@contextmanager
def standing_at_the_gate(fleet: Fleet) -> Iterator[None]:
    """In mid-run: the first slices are committed, and no other can begin as long as this lasts."""
    wait_until(lambda: slices(fleet) > 0, 150)
    with fleet.club.tools.database.writing(lock_seconds=60) as gate:
        gate.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")  # a window closes within two minutes
        hold_exclusive(gate, fleet.club.tools.ledger)
        assert fleet.state() == "open"
        yield


def test_a_window_that_closes_in_mid_run_leaves_the_rest_to_the_next_night(fleet: Fleet) -> None:
    """The longest overdue went first, and nobody is done twice."""
    fleet.settle(WINDOW=window(-10, 2 if datetime.now(ZONE).second > 30 else 1))
    fleet.worker()
    fleet.beat()
    with standing_at_the_gate(fleet):
        done = {person for person, _, name, _ in fleet.club.rows()["people"] if name == ""}
        assert 0 < len(done) < len(PEOPLE)
        assert {person % 2 for person in done} == {0} or len(done) > len(PEOPLE) // 2
        wait_until(lambda: fleet.state() == "window_ended", 300)
    ended = slices(fleet)
    fleet.end()
    assert slices(fleet) == ended
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    hours = Hours.of(fleet.club.policy, fleet.club.tools.window)
    run = tonight(fleet.club.tools, fleet.club.policy, hours, tomorrow)
    assert run is not None
    assert carry_on(workplace(fleet.club.tools, run)).state == "done"
    assert [state for _, state in fleet.nights()] == ["window_ended", "done"]
    assert_all_done_once(fleet.club, PEOPLE)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (("    term: 4 years", "    term: 5 years"), "stopped"),
        (("stages:\n", '  open visit: {exists: visits, where: "at IS NULL", basis: law}\nstages:\n'), "stopped"),
        (("A club", "Another club"), "done"),
        (("    term: 5 years", "    term: 4 years"), "done"),
    ],
    ids=["keeps longer", "holds more", "changes nothing", "keeps shorter"],
)
def test_a_policy_that_changes_in_mid_run(fleet: Fleet, change: tuple[str, str], state: str) -> None:
    """The run keeps its own; it stops if the new one keeps longer or holds more."""
    fleet.worker()
    fleet.beat()
    with standing_at_the_gate(fleet):
        before = slices(fleet)
        assert change[0] in POLICY
        (fleet.folder / "club.yaml").write_text(POLICY.replace(*change, 1), "utf-8")
    wait_until(lambda: fleet.state() == state)
    if state == "done":
        assert_all_done_once(fleet.club, PEOPLE)
    else:
        assert slices(fleet) <= before + 1  # the slice that stood at the gate had begun before the policy changed


def test_a_policy_that_cannot_be_read_makes_the_run_wait(fleet: Fleet) -> None:
    fleet.worker()
    fleet.beat()
    policy = fleet.folder / "club.yaml"
    with standing_at_the_gate(fleet):
        before = slices(fleet)
        policy.write_text(POLICY[:300], "utf-8")
    wait_until(lambda: bool(fleet.events("failed", "worker")))
    assert (fleet.state(), slices(fleet) <= before + 1) == ("open", True)
    policy.write_text(POLICY, "utf-8")
    wait_until(lambda: fleet.state() == "done")
    assert_all_done_once(fleet.club, PEOPLE)


def test_sigterm_ends_the_slice_and_then_the_worker(fleet: Fleet) -> None:
    """The worker that is left finishes the night."""
    first, _ = fleet.worker("one"), fleet.beat()
    with standing_at_the_gate(fleet):
        before = slices(fleet)
        os.kill(first.pid, signal.SIGTERM)
        wait_until(lambda: bool(fleet.club.waiters("advisory")) or first.poll() is not None)
    assert first.wait(timeout=60) == 0
    assert slices(fleet) <= before + 1
    assert (
        fleet.club.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'merzim'"
            " AND datname = current_database() AND state <> 'idle'"
        )
        == 0
    )
    fleet.worker("two")
    wait_until(lambda: fleet.state() == "done")
    assert_all_done_once(fleet.club, PEOPLE)
    wait_until(lambda: segments_without_entry(fleet.club) == set())

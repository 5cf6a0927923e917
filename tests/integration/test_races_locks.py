"""Rows that another session has locked: passed over, tried again, and reported if they stay locked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.night_support import Club, hurry, open_club, wait_until

ANNA, BOLAT = 1, 2


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    """Two people who have been quiet for years."""
    with open_club(tmp_path) as club:
        for person in (ANNA, BOLAT):
            club.add(person, f"81010130001{person}")
        yield club


@pytest.mark.parametrize("row", [f"people WHERE id = {BOLAT}", f"visits WHERE person_id = {BOLAT}"])
def test_a_locked_row_is_passed_over_and_tried_again(club: Club, row: str) -> None:
    """SKIP LOCKED for people, and whoever has another locked row is postponed: both are waited for at the end."""
    hurry(club, at_last=False)
    with club.session() as other:
        other.execute(f"SELECT 1 FROM {row} FOR UPDATE")
        running = club.start_night()
        wait_until(lambda: club.value("SELECT skipped FROM merzim.batch WHERE stage = 'profile'") == "[[2]]")
        assert club.is_done(ANNA)
        club.wait_for_waiter()
        other.rollback()
    assert running.result().state == "done"
    assert club.is_done(BOLAT)
    assert club.value("SELECT count(*) FROM merzim.quarantine") == 0


@pytest.mark.parametrize("row", [f"people WHERE id = {BOLAT}", f"visits WHERE person_id = {BOLAT}"])
def test_a_row_that_stays_locked_is_reported(club: Club, row: str) -> None:
    """Whoever could not be locked in the end is named with the reason, and the run does not pass for a clean one."""
    hurry(club, at_last=True)
    with club.session() as other:
        other.execute(f"SELECT 1 FROM {row} FOR UPDATE")
        outcome = club.night()
        assert outcome.state == "done_with_failures"
        assert "could not be changed" in (outcome.reason or "")
        assert club.is_done(ANNA)
        assert not club.is_done(BOLAT)
        with club.session() as session:
            reported = session.execute("SELECT stage, key_number, reason FROM merzim.quarantine").fetchall()
    assert ("profile", BOLAT, "failed: another session kept it locked") in reported
    assert club.night().state == "done"  # the next night
    assert club.is_done(BOLAT)

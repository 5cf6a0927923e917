"""Deleting a child changes what the predicate sees: a slice acts on what it has decided, and remembers the clock."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.night_support import NOW, Club, open_club
from worker.plan.result import StageOutcome

ANNA = 1
VISIT = "2022-06-15 10:00:00"  # due for `profile` (3 years) on NOW, for `letters` (4 years) after 2026-06-15
STILL_KEPT = datetime(2026, 6, 15, 18, 59, tzinfo=UTC)  # 23:59 in Almaty
DUE_AGAIN = datetime(2026, 6, 15, 19, 0, tzinfo=UTC)


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    """Anna, of whom nothing but a visit says when she was last seen."""
    with open_club(tmp_path) as club:
        club.add(ANNA, "810101300011", login=None)
        club.execute("DELETE FROM payments")
        club.execute("UPDATE visits SET at = %s", VISIT)
        yield club


def test_the_slice_acts_on_the_whole_person(club: Club) -> None:
    """Step 6: those keys, never by the predicate again. With the visit Anna's clock is gone; she is changed all the
    same."""
    assert club.night().state == "done"
    rows = club.rows()
    assert rows["visits"] == []
    assert club.is_done(ANNA)
    assert len(rows["letters"]) == 1
    assert club.rolled_back() == 0
    with club.session() as session:
        slices = session.execute("SELECT stage, counts FROM merzim.entry").fetchall()
    assert [stage for stage, _ in slices] == ["profile"]
    assert '"visits":{"deleted":1}' in slices[0][1]
    assert '"people":{"depersonalised":1}' in slices[0][1]


def test_a_later_stage_still_knows_the_clock(club: Club) -> None:
    """Step 8: the clock decided on is kept with the tombstone."""
    club.night()
    assert str(club.value("SELECT max(clock) FROM merzim.tombstone WHERE key_number = 1")) == VISIT
    assert (letters(club, NOW).states, [*letters(club, NOW).due]) == ({"kept": 1}, [])
    assert [*letters(club, STILL_KEPT).due] == []
    assert [*letters(club, DUE_AGAIN).due] == [(ANNA,)]
    assert club.night(DUE_AGAIN).state == "done"
    assert club.rows()["letters"] == []


def letters(club: Club, now: datetime) -> StageOutcome:
    """What a plan says of the stage `letters`."""
    return next(stage for stage in club.plan(now).stages if stage.stage == "letters")

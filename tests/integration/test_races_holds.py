"""A hold placed while a slice is open (DESIGN, step 3: the gate)."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.integration.night_support import Club, Rows, Step, hurry, one_unit_a_slice, open_club, wait_until
from worker.ledger.gate import hold_exclusive, hold_shared
from worker.office.holding import place_hold
from worker.pipeline import slice as slicing

ANNA, BOLAT, CLARA = 1, 2, 3


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    """Three people who have been quiet for years."""
    with open_club(tmp_path) as club:
        for person in (ANNA, BOLAT, CLARA):
            club.add(person, f"81010130001{person}")
        yield club


def hold(club: Club, person: int) -> Rows:
    """Place a hold; what the operator has the moment the command has returned."""
    place_hold(club.tools, club.policy, "person", None, str(person), "court", "lawyer", None)
    return club.rows()


def of(rows: Rows, *people: int) -> list[tuple[object, ...]]:
    """These people's rows; the key of each of them is the person's here."""
    return [row for table in rows.values() for row in table if row[0] in people]


def test_a_hold_placed_while_a_slice_is_open(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hold waits for the slice. Once it has returned nothing of the person is touched any more."""
    one_unit_a_slice(monkeypatch)
    placing: list[Future[Rows]] = []

    def place() -> None:
        placing.extend(club.pool.submit(hold, club, person) for person in (ANNA, BOLAT))
        club.wait_for_waiter("advisory", 2)

    Step(monkeypatch, slicing, "claim_units").after(place)  # the first slice: Anna's
    before = club.rows()
    assert club.night().state == "done"
    annas, bolats = [future.result() for future in placing]
    assert club.is_done(ANNA)  # her slice was open when the hold was asked for
    assert of(club.rows(), ANNA) == of(annas, ANNA)  # the stages after it left her
    assert len(of(annas, ANNA)) == 3  # letter and payment are still there
    assert of(club.rows(), BOLAT) == of(bolats, BOLAT) == of(before, BOLAT)
    assert club.is_done(CLARA)
    assert club.rolled_back() == 0


def test_a_slice_waits_for_a_hold_that_is_being_placed(club: Club) -> None:
    """The other way round: the gate is taken before holds are looked at."""
    before = club.rows()
    with club.tools.database.writing() as connection:
        hold_shared(connection, club.tools.ledger)  # an open slice of another process
        placing = club.pool.submit(hold, club, BOLAT)
        club.wait_for_waiter("advisory")
        running = club.start_night()
        club.wait_for_waiter("advisory", 2)
    placing.result()
    assert running.result().state == "done"
    assert of(club.rows(), BOLAT) == of(before, BOLAT)
    assert club.is_done(ANNA)


def test_waiting_for_the_gate_in_vain_is_the_fault_of_no_subject(club: Club) -> None:
    hurry(club, at_last=True)
    with club.tools.database.engine.begin() as placing:
        hold_exclusive(placing, club.tools.ledger)
        running = club.start_night()
        wait_until(lambda: club.rolled_back() > len((ANNA, BOLAT, CLARA)) + 3)
        assert club.value("SELECT count(*) FROM merzim.batch WHERE skipped <> '[]'") == 0
    assert running.result().state == "done"
    assert all(club.is_done(person) for person in (ANNA, BOLAT, CLARA))

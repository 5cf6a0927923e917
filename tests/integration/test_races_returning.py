"""Somebody becomes active, or is held by a condition, while the night is at work: two real sessions each time.

Every test names the step of the slice without which it fails.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.integration.night_support import (
    QUIET,
    RECENT,
    Club,
    Rows,
    Step,
    one_unit_a_slice,
    open_club,
    segments_without_entry,
)
from worker.pipeline import claim, night
from worker.pipeline import slice as slicing

ANNA, BOLAT, TWIN, OTHER_TWIN, DEBTOR = 1, 2, 5, 6, 7
IIN = {ANNA: "810101300011", BOLAT: "820202300022", TWIN: "850505300055", DEBTOR: "870707300077"}
LOGIN = "UPDATE people SET last_login_at = %s WHERE id = %s"
PAYS = "INSERT INTO payments VALUES (900, NULL, %s, %s, 'paid for somebody')"


@pytest.fixture
def club(tmp_path: Path) -> Iterator[Club]:
    """Anna and Bolat, two rows of one person, and a debtor whose debt is paid; all have been quiet for years."""
    with open_club(tmp_path) as club:
        for person in (ANNA, BOLAT, TWIN, DEBTOR):
            club.add(person, IIN[person])
        club.add(OTHER_TWIN, IIN[TWIN])
        club.execute("INSERT INTO debts VALUES (1, %s, '2019-06-06')", DEBTOR)
        yield club


def of_person(rows: Rows, *people: int) -> Rows:
    """The rows that belong to these people by key."""
    place = {"people": 0}
    return {t: [r for r in found if r[place.get(t, 1)] in people] for t, found in rows.items()}


def test_without_a_race_everybody_quiet_is_done(club: Club) -> None:
    assert club.night().state == "done"
    assert all(club.is_done(p) for p in (ANNA, BOLAT, TWIN, OTHER_TWIN, DEBTOR))
    rows = club.rows()
    assert (rows["visits"], rows["letters"]) == ([], [])
    assert [note for *_, note in rows["payments"]] == [None] * 5
    assert club.rolled_back() == 0


def test_a_payment_that_commits_while_the_slice_waits_for_its_lock(club: Club) -> None:
    """Step 5: the predicate is asked in a later statement than the lock."""
    before = of_person(club.rows(), BOLAT)
    with club.session() as payer:
        payer.execute("INSERT INTO payments VALUES (900, %s, NULL, %s, NULL)", [BOLAT, RECENT])
        running = club.start_night()
        club.wait_for_waiter()
        assert club.is_done(ANNA)  # who was not locked did not wait
        payer.commit()
    assert running.result().state == "done"
    after = of_person(club.rows(), BOLAT)
    assert after["payments"].pop()[0] == 900
    assert after == before
    assert club.rolled_back() == 0  # the claim itself saw it


def test_a_login_between_planning_and_claiming(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 5: the claim asks the predicate again; the plan's list of keys is not enough."""
    before = of_person(club.rows(), BOLAT)
    Step(monkeypatch, night, "work").before(lambda: club.execute(LOGIN, RECENT, BOLAT))
    assert club.night().state == "done"
    after = of_person(club.rows(), BOLAT)
    assert (after["people"][0][:3], after["visits"]) == (before["people"][0][:3], before["visits"])
    assert after["letters"] == before["letters"]
    assert after["payments"] == before["payments"]
    assert club.is_done(ANNA)
    assert club.rolled_back() == 0


def test_an_event_between_the_lock_and_the_predicate(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 5: what commits after the lock, over a link that no lock can stop, is seen by the later statement."""
    before = of_person(club.rows(), BOLAT)
    Step(monkeypatch, claim, "_busy").before(lambda: club.execute(PAYS, IIN[BOLAT], RECENT))
    assert club.night().state == "done"
    assert of_person(club.rows(), BOLAT) == before
    assert club.is_done(ANNA)
    assert club.rolled_back() == 0


def test_a_login_after_the_lock_waits_and_the_later_stages_leave_the_person(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step 4: the person's row is locked, so that a login comes before the slice or after it, never into it."""
    before = of_person(club.rows(), BOLAT)
    logins: list[Future[None]] = []

    def log_in() -> None:
        logins.append(club.pool.submit(club.execute, LOGIN, RECENT, BOLAT))
        club.wait_for_waiter()

    Step(monkeypatch, claim, "_busy").before(log_in)
    Step(monkeypatch, slicing, "claim_units").before(lambda: logins[0].result(), stage="letters")
    assert club.night().state == "done"
    assert club.is_done(BOLAT)  # as decided before the login
    after = of_person(club.rows(), BOLAT)
    assert str(after["people"][0][3]) == RECENT
    assert (after["letters"], after["payments"]) == (before["letters"], before["payments"])


@pytest.mark.parametrize(
    ("step", "event"),
    [
        # A row that stays, and whose link gets the person's new value; and one of a table that the stage deletes.
        ("claim_units", "INSERT INTO payments VALUES (900, NULL, %s, %s, NULL)"),
        ("claim_units", "INSERT INTO enquiries VALUES (900, %s, %s)"),
        ("depersonalise", "INSERT INTO payments VALUES (900, NULL, %s, %s, NULL)"),
    ],
)
def test_an_event_over_an_undeclared_link_before_commit(
    club: Club, monkeypatch: pytest.MonkeyPatch, step: str, event: str
) -> None:
    """Step 7: events over links that no lock can stop are looked for once more; found: the slice rolls back."""
    before = of_person(club.rows(), BOLAT)
    Step(monkeypatch, slicing, step).after(lambda: club.execute(event, IIN[BOLAT], RECENT))
    assert club.night().state == "done"
    assert of_person(club.rows(), BOLAT) == before
    assert club.value(f"SELECT count(*) FROM {event.split()[2]} WHERE id = 900") == 1
    assert club.is_done(ANNA)
    assert club.rolled_back() == 1
    assert segments_without_entry(club) == set()


def test_an_event_of_which_the_row_is_there_already(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7: changing a child locks no parent; the slice must not delete what made the person active."""
    change = "UPDATE visits SET at = %s WHERE person_id = %s"
    Step(monkeypatch, slicing, "claim_units").after(lambda: club.execute(change, RECENT, BOLAT))
    assert club.night().state == "done"
    assert not club.is_done(BOLAT)
    assert str(of_person(club.rows(), BOLAT)["visits"][0][2]) == RECENT
    assert club.rolled_back() == 1


def test_such_an_event_in_a_stage_by_rows(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7, for the people to whom the rows of a stage by rows belong."""

    def pay() -> None:
        club.execute("INSERT INTO payments SELECT 900, NULL, iin, %s, NULL FROM people WHERE id = %s", RECENT, BOLAT)

    Step(monkeypatch, slicing, "claim_units").after(pay, stage="payments")
    before = of_person(club.rows(), BOLAT)["payments"]
    assert club.night().state == "done"
    assert of_person(club.rows(), BOLAT)["payments"] == before
    assert club.rolled_back() == 1


def test_a_hold_by_condition_that_comes_about_before_commit(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7: a debt reopened under no lock of ours holds the person, as a new one would."""
    before = of_person(club.rows(), DEBTOR)
    Step(monkeypatch, slicing, "depersonalise").after(lambda: club.execute("UPDATE debts SET closed_on = NULL"))
    assert club.night().state == "done"
    after = of_person(club.rows(), DEBTOR)
    assert after["debts"].pop()[2] is None
    before["debts"].pop()
    assert after == before
    assert club.is_done(BOLAT)
    assert club.rolled_back() == 1


def test_a_login_of_the_other_row_of_the_person_waits(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 4: the rows of the same person are locked too, also when only one of them is this slice's."""
    one_unit_a_slice(monkeypatch)
    logins: list[Future[None]] = []

    def log_in() -> None:
        if club.is_done(BOLAT) and not logins:  # slices go in key order: the next one is the first twin's
            logins.append(club.pool.submit(club.execute, LOGIN, RECENT, OTHER_TWIN))
            club.wait_for_waiter()

    carry_on = slicing._archive_and_apply

    def archive_and_apply(*arguments: Any) -> Any:
        log_in()
        return carry_on(*arguments)

    monkeypatch.setattr(slicing, "_archive_and_apply", archive_and_apply)
    assert club.night().state == "done"
    logins[0].result()
    assert club.is_done(TWIN)
    assert club.is_done(OTHER_TWIN)  # one person, one decision, one slice
    assert len({row[1] for row in of_person(club.rows(), TWIN, OTHER_TWIN)["people"]}) == 1


def test_another_row_of_the_person_appears_and_is_active(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7 looks at every row of the person that is there by then, by the original IIN."""
    before = of_person(club.rows(), TWIN, OTHER_TWIN)
    newcomer = "INSERT INTO people VALUES (8, %s, 'Name 8', %s)"
    Step(monkeypatch, slicing, "depersonalise").after(lambda: club.execute(newcomer, IIN[TWIN], RECENT))
    assert club.night().state == "done"
    assert of_person(club.rows(), TWIN, OTHER_TWIN) == before
    assert club.is_done(BOLAT)
    assert club.rolled_back() == 1


def test_another_row_of_the_person_appears_and_is_quiet(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7: left behind with the original IIN it would be a person of its own from then on."""
    newcomer = "INSERT INTO people VALUES (8, %s, 'Name 8', %s)"
    Step(monkeypatch, slicing, "depersonalise").after(lambda: club.execute(newcomer, IIN[TWIN], QUIET))
    assert club.night().state == "done"
    assert len({row[1] for row in of_person(club.rows(), TWIN, OTHER_TWIN, 8)["people"]} - {IIN[TWIN]}) == 1
    assert club.is_done(BOLAT)
    assert club.rolled_back() == 1


def test_the_other_person_of_a_shared_row_returns(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 7 looks at everybody whose being due was relied on: nothing locks the writer of Anna's letter."""
    club.execute("UPDATE letters SET writer_id = %s WHERE id = %s", BOLAT, ANNA)
    one_unit_a_slice(monkeypatch)
    before = club.rows()["letters"][0]
    select = Step(monkeypatch, slicing, "_copy")
    letters = Step(monkeypatch, slicing, "claim_units")
    letters.after(lambda: select.before(lambda: club.execute(LOGIN, RECENT, BOLAT)), stage="letters")
    assert club.night().state == "done"
    assert club.rows()["letters"][0] == before
    assert club.rolled_back() == 1


def test_who_is_no_row_of_the_person_any_more_is_left_out(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 4: a twin that was seen before it was locked is asked about again behind the lock."""
    one_unit_a_slice(monkeypatch)
    taken = list[Any]()
    claim_units = claim.claim_units

    def claimed(*arguments: Any) -> Any:
        found = claim_units(*arguments)
        taken.append(found.units)
        return found

    monkeypatch.setattr(slicing, "claim_units", claimed)
    pairs, waiting = claim._pairs, ["850505300099"]

    def seen(*arguments: Any) -> Any:
        found = pairs(*arguments)
        if waiting and any(twin == (OTHER_TWIN,) for _, twin in found):
            club.execute("UPDATE people SET iin = %s WHERE id = %s", waiting.pop(), OTHER_TWIN)
        return found

    monkeypatch.setattr(claim, "_pairs", seen)
    assert club.night().state == "done"
    assert waiting == []
    assert ((TWIN,), (OTHER_TWIN,)) not in taken
    assert club.is_done(TWIN)
    assert club.is_done(OTHER_TWIN)

"""Four eyes: another person, the plan that was shown, a signature that is genuine; and calling off."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.integration.night_support import wait_until
from tests.integration.office_support import OFFICE_POLICY, account, ask, office_on, say_yes
from tests.integration.small_operator import BOTH, LATELY, Operator, person
from worker.ledger.errors import PersonalText
from worker.ledger.gate import hold_shared
from worker.office.deciding import approve, cancel, review
from worker.office.requesting import Stored
from worker.pipeline.four_eyes import check_approved
from worker.pipeline.purging import begin_purge, carry_out_waiting
from worker.pipeline.tools import Refused


@pytest.fixture(params=BOTH)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from office_on(request.param, tmp_path)


def not_approved(office: Operator, stored: Stored, by: str = "bolat", fingerprint: str | None = None) -> str:
    """Why it is not approved; nothing changes then."""
    before = office.contents(), office.ledger("decision"), office.ledger("request")
    given = fingerprint or stored.request.fingerprint
    with pytest.raises(Refused) as refused:
        approve(office.tools, office.policy, stored.request.id, given, account(office, by))
    assert (office.contents(), office.ledger("decision"), office.ledger("request")) == before
    return str(refused.value)


def state(office: Operator, stored: Stored) -> str:
    (request,) = office.ledger("request", id=stored.request.id)
    return str(request["state"])


def test_another_person_approves_and_it_is_carried_out(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    approved = say_yes(office, stored)
    assert (approved.state, approved.not_before is not None) == ("approved", True)
    with office.tools.database.reading() as connection:
        check_approved(connection, office.tools, approved)
    assert [getattr(o, "state", o) for o in carry_out_waiting(office.tools, office.policy)] == ["done"]
    assert office.one("SELECT note FROM people WHERE id = 1") is None
    assert office.ids("orders") == [2, 3, 4, 5]
    assert state(office, stored) == "done"


def test_who_asked_cannot_approve(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    assert "the same that you use" in not_approved(office, stored, by="aigul")
    with pytest.raises(Refused, match="the same that you use"):
        review(office.tools, office.policy, stored.request.id, account(office, "Aigul"))


def test_an_old_fingerprint_is_refused(office: Operator) -> None:
    first = ask(office, "erasure", 1)
    cancel(office.tools, first.request.id, "mistyped", account(office, "aigul"))
    office.sql("DELETE FROM orders WHERE id = 1")
    second = ask(office, "erasure", 1, 2)
    assert "not 0123456789abcdef" in not_approved(office, second, fingerprint="0123456789abcdef")
    assert second.request.fingerprint != first.request.fingerprint
    assert "once more" in not_approved(office, second, fingerprint=first.request.fingerprint)


def test_what_ended_or_was_approved_is_not_approved_again(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    say_yes(office, stored)
    assert "is approved, so there is nothing to approve" in not_approved(office, stored, by="daniyar")
    cancel(office.tools, stored.request.id, "a mistake", account(office, "bolat"))
    assert "is cancelled, so there is nothing to approve" in not_approved(office, stored)
    assert list(carry_out_waiting(office.tools, office.policy)) == []
    office.hold("person", "people", "2")
    assert "is refused, so there is nothing" in not_approved(office, ask(office, "erasure", 2))


def test_what_has_begun_cannot_be_cancelled(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    say_yes(office, stored)
    begin_purge(office.tools, office.policy, stored.request.id)
    for _ in range(2):
        with pytest.raises(Refused, match="cannot be cancelled any more"):
            cancel(office.tools, stored.request.id, "too late", account(office, "aigul"))
        list(carry_out_waiting(office.tools, office.policy))
    assert state(office, stored) == "done"


def test_a_cancelled_request_is_not_carried_out(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    say_yes(office, stored)
    before = office.contents()
    with pytest.raises(PersonalText):
        cancel(office.tools, stored.request.id, "a@mail.kz wrote", account(office, "aigul"))
    ended = cancel(office.tools, stored.request.id[:8], "they wrote again", account(office, "daniyar"))
    assert (ended.state, ended.outcome) == ("cancelled", "they wrote again")
    assert list(carry_out_waiting(office.tools, office.policy)) == []
    assert office.contents() == before
    assert [d["action"] for d in office.ledger("decision", author="daniyar")] == ["cancel"]


def test_cancelling_waits_for_whoever_destroys(tmp_path: Path) -> None:
    """A slice that has passed the gate ends first; once `cancel` returns, none begins."""
    waiters = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    for office in office_on("postgresql", tmp_path):
        stored = ask(office, "erasure", 1)
        with ThreadPoolExecutor(1) as pool:
            with office.tools.database.writing() as slice_of_somebody:
                hold_shared(slice_of_somebody, office.tools.ledger)
                signer = account(office, "aigul")
                ended = pool.submit(cancel, office.tools, stored.request.id, "they wrote again", signer)
                wait_until(partial(_is_one, office, waiters))
                assert state(office, stored) == "requested"
            assert ended.result().state == "cancelled"


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO orders VALUES (11, 1, 'a table')",
        "DELETE FROM orders WHERE id = 1",
        "UPDATE payments SET person_id = 1 WHERE id = 2",
        person(11, LATELY, iin="900100000001"),
        "UPDATE orders SET what = 'owed' WHERE id = 1",
        "DELETE FROM people WHERE id = 99; -- nothing",
    ],
)
def test_any_difference_since_the_request_voids_it(office: Operator, change: str) -> None:
    stored = ask(office, "erasure", 1)
    office.sql(change.removesuffix("; -- nothing"))
    found = review(office.tools, office.policy, stored.request.id, account(office, "bolat"))
    if change.endswith("nothing"):
        assert (found.void, state(office, stored)) == (None, "requested")
        return
    assert found.void is not None
    assert "void" in found.void
    assert state(office, stored) == "void"
    assert "is void, so there is nothing to approve" in not_approved(office, stored)


def test_a_hold_placed_after_the_request_voids_it_with_its_reason(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    office.hold("person", "people", "1")
    found = review(office.tools, office.policy, stored.request.id, account(office, "bolat"))
    assert "by hand" in (found.void or "")
    assert state(office, stored) == "void"


def test_a_changed_policy_voids_what_was_asked_under_another(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    office.change_policy(("term: 4 years", "term: 5 years"))
    assert review(office.tools, office.policy, stored.request.id, account(office, "bolat")).void is not None


def test_a_request_that_other_hands_wrote_is_not_approved(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    office.sql(*_forged(office, "author = 'daniyar'"))
    assert "not that of daniyar" in not_approved(office, stored)


def test_a_plan_that_nobody_signed_is_not_approved(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    table = "merzim_request" if office.dialect == "sqlite" else "merzim.request"
    office.sql(f"UPDATE {table} SET fingerprint = 'f1'")
    assert "Nobody's signature stands under this plan" in not_approved(office, stored, fingerprint="f1")


def test_an_approval_that_other_hands_wrote_is_not_one(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    table = "merzim_request" if office.dialect == "sqlite" else "merzim.request"
    office.sql(f"UPDATE {table} SET state = 'approved', not_before = '2020-01-01 00:00:00'")
    with office.tools.database.reading() as connection, pytest.raises(Refused, match="Nobody's signature"):
        check_approved(connection, office.tools, stored.request)


def test_the_cancel_window_is_waited_for(tmp_path: Path) -> None:
    policy = OFFICE_POLICY.replace("cancel window: 0 minutes", "cancel window: 2 hours")
    for office in office_on("sqlite", tmp_path, policy):
        approved = say_yes(office, ask(office, "erasure", 1))
        (yes,) = office.ledger("decision", action="approve")
        assert approved.not_before - yes["decided_at"] == timedelta(hours=2)
        assert list(carry_out_waiting(office.tools, office.policy)) == []


def test_a_block_is_in_force_once_it_is_approved(office: Operator) -> None:
    stored = ask(office, "block", 1, 2)
    assert office.ids("people", "blocked_at IS NOT NULL") == []
    assert say_yes(office, stored).state == "done"
    assert office.ids("people", "blocked_at IS NOT NULL") == [1, 2]
    assert "already" in (ask(office, "block", 1).request.outcome or "")
    assert ask(office, "erasure", 1).request.state == "refused"
    assert say_yes(office, ask(office, "unblock", 1)).state == "done"
    assert office.ids("people", "blocked_at IS NOT NULL") == [2]
    assert "is not blocked" in (ask(office, "unblock", 1).request.outcome or "")


def test_a_block_that_changed_since_is_void(office: Operator) -> None:
    stored = ask(office, "block", 1, 2)
    office.sql(f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = 2")
    assert review(office.tools, office.policy, stored.request.id, account(office, "bolat")).void is not None
    assert office.ids("people", "blocked_at IS NOT NULL") == [2]


def _is_one(office: Operator, query: str) -> bool:
    return bool(office.one(query) == 1)


def _forged(office: Operator, change: str) -> list[str]:
    """Whoever owns the database can take the trigger away that keeps decisions as they are."""
    if office.dialect == "sqlite":
        triggers = office.rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'merzim_decision'")
        return [*(f"DROP TRIGGER {name}" for (name,) in triggers), f"UPDATE merzim_decision SET {change}"]
    off = "ALTER TABLE merzim.decision DISABLE TRIGGER ALL"
    return [off, f"UPDATE merzim.decision SET {change}", off.replace("DISABLE", "ENABLE")]

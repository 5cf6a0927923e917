"""Requests are stored with their plan and signature, or with a reason not to, or not at all."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.office_support import ANSWERS, account, ask, office_on, say_yes
from tests.integration.small_operator import BOTH, LATELY, LONG_AGO, Operator, person
from worker.ledger.errors import LedgerError, PersonalText
from worker.ledger.requests import subjects_of
from worker.office.deciding import cancel
from worker.office.history import history_of
from worker.office.naming import named_by_keys, scene_for_naming
from worker.pipeline.purging import carry_out_waiting
from worker.pipeline.tools import Refused


@pytest.fixture(params=BOTH)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from office_on(request.param, tmp_path)


def refusal(office: Operator, *numbers: int, operation: str = "erasure", **more: Any) -> str:
    """Why a request is not stored; nothing is, then."""
    before = office.contents(), office.ledger("request"), office.ledger("decision")
    with pytest.raises((Refused, PersonalText)) as refused:
        ask(office, operation, *numbers, **more)
    assert (office.contents(), office.ledger("request"), office.ledger("decision")) == before
    return str(refused.value)


def test_a_request_is_stored_with_its_plan_and_changes_nothing(office: Operator) -> None:
    before = office.contents()
    stored = ask(office, "erasure", 1, received=date(2026, 11, 2))
    request = stored.request
    assert (request.state, request.operation, request.basis) == ("requested", "erasure", "withdrawn consent")
    assert (request.received_on, request.answer_by) == (date(2026, 11, 2), date(2026, 11, 17))
    assert request.fingerprint == stored.shown.fingerprint != ""
    assert [(t["table"], t["due"]) for t in stored.shown.tables] == [("orders", 1), ("people", 1)]
    (kept,) = stored.shown.kept
    assert (kept["table"], kept["rows"], kept["until"]) == ("payments", 1, "2030-05-05")
    assert "tax code" in kept["why"]
    (decision,) = office.ledger("decision")
    assert (decision["about"], decision["action"], decision["author"]) == (request.id, "request", "aigul")
    with office.tools.database.reading() as connection:
        assert subjects_of(connection, office.tools.ledger, request.id) == {"people": [(1, "")]}
    assert office.contents() == before


def test_terms_are_counted_as_the_policy_says(office: Operator) -> None:
    received = date(2026, 11, 24)
    assert ask(office, "block", 1, received=received).request.answer_by == date(2026, 11, 25)
    assert ask(office, "erasure", 2, received=received, complaint=True).request.answer_by == date(2027, 1, 11)
    today = datetime.now(UTC).date()
    assert abs(ask(office, "erasure", 3).request.received_on - today) <= timedelta(days=1)
    office.change_policy((ANSWERS, "erasure: {bases: [court order]}\n"))
    assert ask(office, "erasure", 4, basis="court order").request.answer_by is None
    assert "says nothing under `requests: complaint`" in refusal(office, 5, basis="court order", complaint=True)


def test_what_cannot_be_asked_for_is_refused(office: Operator) -> None:
    assert "these: withdrawn consent, court order" in refusal(office, 1, basis="he is my cousin")
    assert "these: withdrawn consent, court order" in refusal(office, 1, basis=None)
    assert "lies in the future" in refusal(office, 1, received=date(2999, 1, 1))
    assert "Only an erasure has a basis" in refusal(office, 1, operation="due", basis="court order")
    assert "Only people can be blocked" in refusal(office, operation="block", subjects={"letters": [(1,)]})
    office.change_policy(("erasure: {bases: [withdrawn consent, court order]}\n", ""), (", blocked: blocked_at", ""))
    assert "lists no bases" in refusal(office, 1)
    assert "no column that blocks" in refusal(office, 1, operation="block")


def test_nothing_personal_is_taken_into_the_ledger(office: Operator) -> None:
    for reason in ("IIN 850101300123", "from a@mail.kz", "called +7 747 505 21 51", " "):
        assert "reason" in refusal(office, 1, reason=reason).lower()
    for checked in ("passport N12345678", "a@mail.kz", "", "card 4400 1234"):
        assert "--checked" in refusal(office, 1, checked=checked)


def test_an_open_debt_and_a_hold_refuse_an_erasure_and_the_refusal_is_kept(office: Operator) -> None:
    office.sql("UPDATE orders SET what = 'owed' WHERE id = 1")
    office.hold("person", "people", "2")
    office.sql(f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = 3")
    for number, reason in ((1, "open debt (basis: law 94-V)"), (2, "by hand"), (3, "blocked by law")):
        request = ask(office, "erasure", number).request
        assert request.state == "refused"
        assert reason in (request.outcome or "")
        assert request.ended_at is not None
    assert len(office.ledger("decision")) == 3


def test_what_is_not_due_or_is_all_kept_by_law_is_refused_with_the_reason(office: Operator) -> None:
    not_due = ask(office, "due", 1).request
    assert (not_due.state, "within their term" in (not_due.outcome or "")) == ("refused", False)
    assert "people" in (not_due.outcome or "")
    office.sql("DELETE FROM orders WHERE id = 2")
    by_row = ask(office, "erasure", subjects={"payments": [(2,)]}).request
    assert by_row.state == "refused"
    assert "tax code" in (by_row.outcome or "")


def test_an_erasure_whose_children_are_held_keeps_them_with_the_reason(office: Operator) -> None:
    office.hold("row", "orders", "1")
    shown = ask(office, "erasure", 1).shown
    kept = {k["table"]: k["rows"] for k in shown.kept}
    assert kept["orders"] == 1
    assert "orders" not in {t["table"] for t in shown.tables}


def test_one_open_request_for_a_person_at_a_time(office: Operator) -> None:
    first = ask(office, "erasure", 1)
    assert first.request.id in refusal(office, 1, 2)
    assert first.request.id in refusal(office, 1, operation="block")
    cancel(office.tools, first.request.id, "changed their mind", account(office, "aigul"))
    assert ask(office, "erasure", 1).request.state == "requested"


def test_a_person_who_is_two_rows_is_asked_about_whole(office: Operator) -> None:
    office.sql(person(11, LATELY, iin="900100000001"))
    with office.tools.database.reading() as connection:
        scene = scene_for_naming(connection, office.tools, office.policy)
        named = named_by_keys(connection, scene, None, ["11"])
    assert named.subjects == {"people": [(1,), (11,)]}
    assert named.notes == ["The 2 rows 1; 11 are one person; they go together."]
    shown = ask(office, "erasure", subjects=named.subjects).shown
    assert {t["table"]: t["due"] for t in shown.tables} == {"people": 2, "orders": 1}


def test_who_was_depersonalised_already_is_not_asked_about_again(office: Operator) -> None:
    stored = ask(office, "erasure", 1)
    say_yes(office, stored)
    assert [getattr(o, "state", o) for o in carry_out_waiting(office.tools, office.policy)] == ["done"]
    assert "went on 20" in refusal(office, 1)
    with office.tools.database.reading() as connection:
        history = history_of(connection, office.tools, stored.request.id)
    assert history.request.state == "done"
    assert [(d.action, d.author) for d in history.decisions] == [("request", "aigul"), ("approve", "bolat")]
    (copy,) = history.segments
    assert (copy.stage, copy.until) == ("profile", office.ledger("entry")[-1]["archive_until"])
    assert history.subjects == {"people": ["1"]}
    office.sql("INSERT INTO orders VALUES (21, 1, 'a table')", "UPDATE people SET note = 'back' WHERE id = 1")
    assert ask(office, "erasure", 1).request.state == "requested"


def test_copies_of_earlier_nights_stand_in_the_history_too(office: Operator) -> None:
    office.sql(person(6, LONG_AGO), f"INSERT INTO letters VALUES (6, 'stranger@mail.kz', '{LONG_AGO}')")
    night = office.usual_night()
    office.sql("UPDATE people SET note = 'new' WHERE id = 6")
    request = ask(office, "due", 6).request
    with office.tools.database.reading() as connection:
        found = history_of(connection, office.tools, request.id)
    assert {c.segment for c in found.segments} == {
        e["segment"] for e in office.entries(night.run_id) if e["stage"].endswith("profile")
    }


def test_an_id_that_is_nobody_s(office: Operator) -> None:
    with pytest.raises(LedgerError, match="no request"), office.tools.database.reading() as connection:
        history_of(connection, office.tools, "abc")

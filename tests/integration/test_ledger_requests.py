"""Requests go from state to state and are found by what they are about, on both databases."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ledger_support import EACH, NOW, Place, ledger_place, store_test_policy
from worker.ledger.errors import IllegalArrow, LedgerError
from worker.ledger.requests import (
    NewRequest,
    Request,
    approved_waiting,
    find_request,
    insert_request,
    keep_plan,
    list_requests,
    move,
    open_about,
    requests_about,
    subjects_of,
    unanswered_by,
)

TODAY = dt.date(2026, 11, 23)
DAY = dt.timedelta(days=1)
ANNA, BOLAT = {"users": [(1, "")]}, {"users": [(2, "")], "parts": [(0, "1:a1:2")]}


@pytest.fixture(params=EACH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        with fresh.engine.begin() as conn:
            store_test_policy(conn, fresh.ledger)
        yield fresh


def ask(place: Place, about: dict[str, list[tuple[int, str]]], **more: Any) -> str:
    values: dict[str, Any] = {
        "policy_name": "kpi",
        "policy_hash": "abc",
        "operation": "erasure",
        "received_on": TODAY,
        "answer_by": TODAY + 15 * DAY,
        "checked": "passport seen",
        "reason": "a letter",
        "basis": "court order",
        "created_at": NOW,
    }
    with place.engine.begin() as conn:
        return insert_request(conn, place.ledger, NewRequest(**{**values, **more}), about)


def go(place: Place, request_id: str, to: Any, **values: Any) -> Request:
    with place.engine.begin() as conn:
        return move(conn, place.ledger, request_id, to, **values)


def ids(found: list[Request]) -> list[str]:
    return [r.id for r in found]


def test_a_request_is_kept_as_it_was_asked(place: Place) -> None:
    request_id = ask(place, BOLAT)
    with place.engine.begin() as conn:
        keep_plan(conn, place.ledger, request_id, "f1", '{"tables": []}')
        request = find_request(conn, place.ledger, request_id)
        assert find_request(conn, place.ledger, request_id[:8]) == request
        assert subjects_of(conn, place.ledger, request_id) == BOLAT
    assert (request.state, request.fingerprint, request.basis, request.is_open) == (
        "requested",
        "f1",
        "court order",
        True,
    )


def test_an_id_that_is_nobodys_or_of_several_is_refused(place: Place) -> None:
    first = ask(place, ANNA)
    with place.engine.begin() as conn:
        twin = first[:-1] + ("0" if first[-1] != "0" else "1")
        row = dict(conn.execute(place.ledger.request.select()).mappings().one())
        conn.execute(place.ledger.request.insert().values({**row, "id": twin}))
        with pytest.raises(LedgerError, match="2 requests begin"):
            find_request(conn, place.ledger, first[:6])
        for unknown in ("", "%", "xyz", first + "0"):
            with pytest.raises(LedgerError, match="no request"):
                find_request(conn, place.ledger, unknown)
        with pytest.raises(LedgerError, match="no request"):
            move(conn, place.ledger, "xyz", "approved")


def test_a_request_goes_its_way_and_no_other(place: Place) -> None:
    request_id = ask(place, ANNA)
    with pytest.raises(IllegalArrow):
        go(place, request_id, "running")
    assert go(place, request_id, "approved", not_before=NOW).state == "requested"
    with pytest.raises(IllegalArrow, match="A request that is approved cannot become approved"):
        go(place, request_id, "approved")
    go(place, request_id, "running", run_id="r1")
    with pytest.raises(IllegalArrow, match="running cannot become cancelled"):
        go(place, request_id, "cancelled")
    go(place, request_id, "done", ended_at=NOW)
    with place.engine.begin() as conn:
        request = find_request(conn, place.ledger, request_id)
    assert (request.state, request.run_id, request.ended_at, request.is_open) == ("done", "r1", NOW, False)


def test_what_waits_is_approved_and_past_its_cancel_window(place: Place) -> None:
    early, late, other, asked = ask(place, ANNA), ask(place, ANNA), ask(place, ANNA, policy_name="x"), ask(place, ANNA)
    go(place, early, "approved", not_before=NOW)
    go(place, late, "approved", not_before=NOW + dt.timedelta(microseconds=1))
    go(place, other, "approved", not_before=NOW)
    with place.engine.begin() as conn:
        assert ids(approved_waiting(conn, place.ledger, "kpi", NOW)) == [early]
        assert ids(approved_waiting(conn, place.ledger, "kpi", NOW + DAY)) == [early, late]
        assert ids(list_requests(conn, place.ledger, ["requested"])) == [asked]


def test_another_open_request_about_the_same_row_is_found(place: Place) -> None:
    first = ask(place, ANNA)
    second, third = ask(place, {"users": [(1, ""), (2, "")]}), ask(place, BOLAT)
    with place.engine.begin() as conn:
        found = open_about(conn, place.ledger, second)
        assert found is not None
        assert found.id == min(first, third)
        assert open_about(conn, place.ledger, first) == find_request(conn, place.ledger, second)
        assert set(ids(requests_about(conn, place.ledger, "users", (2, "")))) == {second, third}
    go(place, second, "cancelled")
    with place.engine.begin() as conn:
        assert open_about(conn, place.ledger, first) is None


def test_what_must_be_answered_stands_in_its_order(place: Place) -> None:
    later, sooner = ask(place, ANNA, answer_by=TODAY), ask(place, BOLAT, answer_by=TODAY - DAY)
    for state in ("refused", "cancelled"):
        ended = ask(place, BOLAT, answer_by=TODAY)
        go(place, ended, state, ended_at=NOW)
    ask(place, BOLAT, answer_by=TODAY + DAY)
    never = ask(place, BOLAT, answer_by=None)
    with place.engine.begin() as conn:
        assert ids(unanswered_by(conn, place.ledger, TODAY, NOW)) == [sooner, later]
        assert ids(unanswered_by(conn, place.ledger, TODAY - DAY, NOW)) == [sooner]
        assert ids(list_requests(conn, place.ledger))[-1] == never


def test_a_void_request_is_unanswered_until_it_is_asked_anew(place: Place) -> None:
    request_id = ask(place, ANNA, answer_by=TODAY)
    go(place, request_id, "void", ended_at=NOW)
    with place.engine.begin() as conn:
        assert ids(unanswered_by(conn, place.ledger, TODAY, NOW)) == [request_id]
    again = ask(place, ANNA, answer_by=TODAY + DAY, created_at=NOW + DAY)
    with place.engine.begin() as conn:
        assert unanswered_by(conn, place.ledger, TODAY, NOW + DAY) == []
        assert ids(unanswered_by(conn, place.ledger, TODAY + DAY, NOW + DAY)) == [again]


def test_how_it_stood_at_an_earlier_moment_can_be_read_later(place: Place) -> None:
    """A report of a closed run says the same whenever it is built."""
    request_id = ask(place, ANNA, answer_by=TODAY)
    go(place, request_id, "cancelled", ended_at=NOW + 2 * DAY)
    with place.engine.begin() as conn:
        assert unanswered_by(conn, place.ledger, TODAY, NOW - DAY) == []
        assert ids(unanswered_by(conn, place.ledger, TODAY, NOW + DAY)) == [request_id]
        assert unanswered_by(conn, place.ledger, TODAY, NOW + 2 * DAY) == []

"""Nights missed and what is left over, as `merzim status` tells them."""

import datetime as dt
import json
from pathlib import Path

import pytest

from config.catalogue import text
from tests.integration.ledger_support import Place, empty_place, new_run, store_test_policy
from worker.ledger.batches import NewBatch, store_batches
from worker.ledger.migrations import migrate
from worker.ledger.requests import NewRequest, insert_request
from worker.ledger.runs import close_run, create_run
from worker.ledger.states import RunState
from worker.reports.answers import answer_line
from worker.reports.standing import Standing, standing

NOW = dt.datetime(2026, 11, 24, 3)
PASSED = dt.date(2026, 11, 23)


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


def record(place: Place, number: int, state: RunState, quota: int = 0, unreached: int = 0, kind: str = "night") -> None:
    plan = json.dumps({"stages": [{"states": {"waits for the quota": quota} if quota else {}}]})
    at = dt.datetime.combine(day(number), dt.time(1))
    with place.engine.begin() as conn:
        store_test_policy(conn, place.ledger)
        run, _ = create_run(conn, place.ledger, new_run(local_date=day(number), plan=plan, started_at=at, kind=kind))
        if unreached:
            store_batches(conn, place.ledger, run.id, [NewBatch("profile", [], unreached)])
        close_run(conn, place.ledger, run.id, state, at)


def look(place: Place) -> Standing:
    with place.engine.connect() as conn:
        return standing(conn, place.ledger, NOW, NOW.date(), PASSED)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A ledger without runs."""
    with empty_place("sqlite", tmp_path) as place:
        with place.engine.begin() as conn:
            migrate(conn, place.ledger.schema)
        return place


def test_nothing_was_missed_before_the_first_run(place: Place) -> None:
    assert (look(place).nights_missed, look(place).last_good_run) == ([], None)
    record(place, 22, "done")
    assert look(place).nights_missed == [day(23)]


def test_a_night_that_did_not_work_is_missed(place: Place) -> None:
    record(place, 18, "done")
    record(place, 19, "stopped")
    record(place, 20, "window_ended")
    record(place, 21, "failed")
    record(place, 22, "done", kind="restore")
    record(place, 23, "done_with_failures", kind="run")
    assert look(place).nights_missed == [day(19), day(21), day(22)]


def test_the_backlog_is_what_the_newest_run_left_and_since_when_each_left_some(place: Place) -> None:
    record(place, 19, "done", quota=5)
    record(place, 20, "done")
    record(place, 21, "done", quota=30)
    record(place, 22, "window_ended", unreached=12)
    record(place, 23, "window_ended", quota=7, unreached=4)
    assert (look(place).backlog, look(place).backlog_since) == (11, day(21))


def test_a_run_that_left_nothing_ends_the_backlog(place: Place) -> None:
    record(place, 22, "done", quota=30)
    record(place, 23, "done")
    assert (look(place).backlog, look(place).backlog_since) == (0, None)


def test_answers_that_are_overdue_or_soon_due_come_with_it(place: Place) -> None:
    with place.engine.begin() as conn:
        store_test_policy(conn, place.ledger)
        for days in (-1, 0, 3, 4):
            by = NOW.date() + dt.timedelta(days=days)
            new = NewRequest("kpi", "abc", "erasure", by, by, "passport seen", "a letter", None, NOW)
            insert_request(conn, place.ledger, new, {"users": [(days, "")]})
    found = look(place).answers
    assert [((a.answer_by - NOW.date()).days, a.overdue) for a in found] == [(-1, True), (0, False), (3, False)]
    said = [answer_line(text, a) for a in found]
    assert said[0].startswith(f"OVERDUE: request {found[0].id[:8]} (erase before the term)")
    assert said[1].startswith("Request ")

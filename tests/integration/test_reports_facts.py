"""The facts of a run, from real ledgers on SQLite and PostgreSQL."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import BOTH, Place, ledger_place
from tests.report_ledger import DAY, END, KEY_ID, PLAN, START, UNTIL, fill, open_night, report_policy
from worker.ledger.batches import Entry, write_entry
from worker.ledger.errors import LedgerError
from worker.ledger.runs import NewRun, close_run, create_run
from worker.ledger.seal import seal_run
from worker.reports.as_html import render_html
from worker.reports.as_json import report_json
from worker.reports.facts import WrongPolicy, counts, policy_of, run_facts
from worker.reports.shapes import People, RunFacts, StageFacts, TableFacts


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as made:
        yield made


def night(place: Place) -> str:
    with place.engine.begin() as connection:
        return fill(connection, place.ledger)


def facts_of(place: Place, run_id: str) -> RunFacts:
    with place.engine.connect() as connection:
        return run_facts(connection, place.ledger, policy_of(connection, place.ledger, run_id), run_id)


def stage_of(facts: RunFacts, name: str) -> StageFacts:
    return next(s for s in facts.stages if s.stage == name)


def table_of(facts: RunFacts, name: str) -> TableFacts:
    return next(t for t in facts.tables if t.table == name)


def test_the_five_numbers(place: Place) -> None:
    found = counts(facts_of(place, night(place)))
    # archived: 40 forms, 26 users and the 3 payments whose link column followed; visits keep no copy.
    assert found == {"depersonalised": 526, "deleted": 40, "archived": 69, "held": 28, "quarantined": 8}


def test_people_add_up(place: Place) -> None:
    people = facts_of(place, night(place)).people
    assert people == People(scanned=1000, due=40, done=26, left=13, held=13, quarantined=8, kept=900, done_before=40)


def test_units_of_a_stage_are_counted_once_by_reason(place: Place) -> None:
    stage = stage_of(facts_of(place, night(place)), "profile")
    assert stage.overdue == {"quota": 10, "locked": 1, "window_ended": 1}
    assert stage.failed == {"the database refused the change (CheckViolation)": 1}
    assert (stage.due, stage.done, stage.left_out) == (40, 26, 1)
    assert stage.due == stage.done + stage.left_out + sum(stage.overdue.values()) + sum(stage.failed.values())


def test_term_and_basis_come_from_the_policy(place: Place) -> None:
    facts = facts_of(place, night(place))
    profile, visits = stage_of(facts, "profile"), stage_of(facts, "visits")
    assert (profile.term, profile.basis, profile.counted_from) == ("3 years", "clause 5.3", ("subject",))
    assert visits.counted_from == ("access_log.accessed_at", "subject")
    assert profile.cutoff == dt.date(2023, 11, 23)
    assert profile.copy is not None
    assert (profile.copy.term, profile.copy.basis) == ("30 days", "clause 3.4")
    assert facts.hold_bases == {"open debt": "law 94-V art. 8(2)"}


def test_a_table_says_what_became_of_its_rows(place: Place) -> None:
    facts = facts_of(place, night(place))
    users, payments = table_of(facts, "users"), table_of(facts, "payments")
    assert (users.depersonalised, users.archived, users.copy_until, users.copy_basis) == (26, 26, UNTIL, "clause 3.4")
    assert (payments.operation, payments.followed, payments.archived) == ("follow", 3, 3)
    assert table_of(facts, "access_log").copy_until is None
    assert [t.table for t in facts.tables] == ["registration_forms", "users", "payments", "access_log"]


def test_a_stopped_stage_is_named_with_its_reason(place: Place) -> None:
    (case,) = facts_of(place, night(place)).stopped_stages
    assert (case.stage, case.stopped) == ("case", PLAN["stopped"]["case"])


def test_segments_and_seal(place: Place) -> None:
    facts = facts_of(place, night(place))
    assert [(s.slice, s.rows, s.bytes, s.until, s.part) for s in facts.segments] == [
        (1, 38, 4096, UNTIL, False),
        (2, 5, 8192, UNTIL, True),
        (3, 26, 12288, UNTIL, False),
    ]
    assert facts.seal is not None
    assert (facts.seal.ordinal, facts.seal.entries, facts.seal.key_id, facts.seal.previous) == (1, 4, KEY_ID, "")


def test_only_holds_in_force_at_the_end_are_shown(place: Place) -> None:
    facts = facts_of(place, night(place))
    # One was released later, which does not change the report of this night; one was released before, one came after.
    assert [hold.key for hold in facts.holds] == ["78", "77"]


def test_quarantined_keys_are_listed_without_those_that_were_only_locked(place: Place) -> None:
    facts = facts_of(place, night(place))
    assert facts.quarantined_total == 8
    assert [key.key for key in facts.quarantined_keys] == ["892", *map(str, range(894, 901))]


def test_files_that_wait_are_counted_and_their_paths_stay_out(place: Place) -> None:
    facts = facts_of(place, night(place))
    assert list(facts.files_waiting.values()) == [2]
    assert "p/1.pdf" not in json.dumps(report_json(facts)) + render_html(facts)


def test_an_open_run_has_a_report_too(place: Place) -> None:
    with place.engine.begin() as connection:
        run_id = open_night(connection, place.ledger)
    facts = facts_of(place, run_id)
    assert facts.verdict == "open"
    assert stage_of(facts, "profile").overdue == {"quota": 10, "locked": 1, "open": 1}
    assert (facts.batches, facts.batches_open, facts.seconds, facts.seal) == (2, 1, None, None)


def test_a_refused_run_leaves_everything_overdue(place: Place) -> None:
    plan = {**PLAN, "stages": [{**PLAN["stages"][0], "stage": "case"}], "stopped": {}}
    with place.engine.begin() as connection:
        run_id = open_night(connection, place.ledger, plan)
        close_run(connection, place.ledger, run_id, "stopped", END, "This is the first run.")
    facts = facts_of(place, run_id)
    assert stage_of(facts, "case").overdue == {"quota": 10, "stopped": 30}
    assert facts.verdict == "stopped"


def test_the_same_ledger_gives_the_same_report(place: Place) -> None:
    run_id = night(place)
    first = facts_of(place, run_id)
    with place.engine.begin() as connection:
        # What happens afterwards changes nothing: a hold released, another run made and closed.
        held = place.ledger.hold
        connection.execute(held.update().where(held.c.id == "h1").values(released_at=END + dt.timedelta(days=5)))
        _restore(connection, place)
    second = facts_of(place, run_id)
    assert first == second
    assert render_html(first) == render_html(second)
    assert json.dumps(report_json(first)) == json.dumps(report_json(second))


def test_a_restore_has_a_report_and_makes_no_copies(place: Place) -> None:
    night(place)
    with place.engine.begin() as connection:
        run_id = _restore(connection, place)
    facts = facts_of(place, run_id)
    assert (table_of(facts, "users").restored, facts.segments, facts.people) == (15, (), None)
    assert "The restore of 24 November 2026 is complete: 15 rows were put back." in render_html(facts)


def test_another_policy_is_refused(place: Place) -> None:
    run_id = night(place)
    other = report_policy().model_copy(update={"hash": "0" * 64})
    with place.engine.connect() as connection, pytest.raises(WrongPolicy, match="the text that the ledger keeps"):
        run_facts(connection, place.ledger, other, run_id)


def test_a_run_that_is_not_there_is_refused(place: Place) -> None:
    with place.engine.connect() as connection, pytest.raises(LedgerError, match="no run with this id"):
        run_facts(connection, place.ledger, report_policy(), "nothing")


def _restore(connection: sa.Connection, place: Place) -> str:
    at = START + dt.timedelta(days=1)
    run, _ = create_run(
        connection,
        place.ledger,
        NewRun("kpi", report_policy().hash, "restore", DAY + dt.timedelta(days=1), at, "", "{}", True, at),
    )
    counts = {"units": 15, "tables": {"users": {"restored": 15}}}
    entry = Entry("r1", run.id, 1, 1, "restore", "profile", counts, at, segment="station/x", sha256="00")
    write_entry(connection, place.ledger, entry)
    close_run(connection, place.ledger, run.id, "done", at)
    seal_run(connection, place.ledger, run.id, lambda digest: digest, KEY_ID, at)
    return run.id

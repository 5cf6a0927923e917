"""What the report says of a run, as sentences and as a page."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from io import StringIO

import pytest
import sqlalchemy as sa
from rich.console import Console

from tests.report_ledger import END, fill, report_policy
from worker.ledger.tables import ledger_tables
from worker.reports.answers import AnswerFacts
from worker.reports.as_html import render_html
from worker.reports.as_json import report_json
from worker.reports.as_terminal import print_report
from worker.reports.facts import run_facts
from worker.reports.reason_lines import ReasonLines
from worker.reports.shapes import RunFacts
from worker.reports.wording import Words

EVIL = '<script src="http://evil.example/x.js">[bold]{n}</script>'


@pytest.fixture(scope="module")
def facts() -> RunFacts:
    ledger = ledger_tables(None)
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        ledger.metadata.create_all(connection)
        run_id = fill(connection, ledger)
        return run_facts(connection, ledger, report_policy(), run_id)


def quiet(facts: RunFacts) -> RunFacts:
    """The same night if everything had gone well."""
    stages = tuple(
        replace(s, overdue={}, quarantined={}, failed={}, stopped=None) for s in facts.stages if s.stopped is None
    )
    tables = tuple(replace(t, quarantined={}) for t in facts.tables)
    return replace(
        facts, state="done", stages=stages, tables=tables, quarantined_total=0, quarantined_keys=(), files_waiting={}
    )


def printed(facts: RunFacts) -> str:
    paper = StringIO()
    print_report(facts, Console(file=paper, width=400))
    return paper.getvalue()


def test_the_answer_comes_first(facts: RunFacts) -> None:
    answer = (
        "The night of 23 November 2026 ended with its window: 526 rows were depersonalised and 40 rows were deleted."
    )
    page = render_html(facts)
    assert Words(facts).answer() == answer
    assert page.index(answer) < page.index("<table")
    assert answer in printed(facts).splitlines()[2]
    assert report_json(facts)["answer"].startswith(answer)


def test_while_a_copy_exists_the_words_say_so(facts: RunFacts) -> None:
    words = Words(facts)
    said = {t.table: words.outcome(t) for t in facts.tables}
    assert said["users"] == "depersonalised, copy kept until 23 December 2026 under clause 3.4"
    forms = "deleted, copy kept until 23 December 2026 under clause 3.4; their files go without a copy"
    assert said["registration_forms"] == forms
    assert said["access_log"] == "depersonalised, no copy: cannot be undone"
    assert said["payments"].startswith("link column replaced together with the identifier, copy kept until")


def test_a_table_to_which_nothing_was_done_says_so(facts: RunFacts) -> None:
    users = next(t for t in facts.tables if t.table == "users")
    words = Words(facts)
    assert words.outcome(replace(users, depersonalised=0)) == "nothing was changed"
    assert words.outcome(replace(users, depersonalised=0, due=0)) == "nothing was due"


def test_rows_that_a_trigger_wrote_meanwhile_are_explained(facts: RunFacts) -> None:
    table = replace(facts.tables[-1], table="audit_log", due=400, by_trigger=100)
    assert Words(facts).outcome(table).endswith("; 100 of these rows were written by a trigger during the run")


def test_a_clean_night_asks_nobody_for_anything(facts: RunFacts) -> None:
    clean = quiet(facts)
    assert clean.verdict == "clean"
    assert ReasonLines(Words(clean)).todos() == []
    assert "Nothing that was due is left." in render_html(clean)
    assert "What somebody has to do" not in render_html(clean)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"files_waiting": {"": 1}}, "attention"),
        ({"quarantined_total": 1}, "attention"),
        ({"state": "done_with_failures"}, "attention"),
        ({"seal": None}, "attention"),
        ({"state": "stopped"}, "stopped"),
        ({"state": "failed"}, "stopped"),
        ({"state": "open", "seal": None, "ended_at": None}, "open"),
    ],
)
def test_anything_loose_changes_the_verdict(facts: RunFacts, change: dict[str, object], verdict: str) -> None:
    changed = replace(quiet(facts), **change)  # type: ignore[arg-type]  # a dict of fields by name
    assert changed.verdict == verdict
    assert render_html(changed)
    assert printed(changed)


def test_everything_that_waits_for_somebody_is_listed_with_what_to_do(facts: RunFacts) -> None:
    found = {todo.what: todo.todo for todo in ReasonLines(Words(facts)).todos()}
    assert list(found) == [
        "case: column debt_cases.nickname is in no rule; name it in the policy.",
        "no event says when the person stopped using the services (profile 7)",
        "set aside, because the change failed: the database refused the change (CheckViolation) (profile 1)",
        "profile: another session kept them locked",
        "2 files of these rows are not removed yet: "
        "The folder of the file root scans is not there; mount it and run again.",
    ]
    assert all(found.values())


def test_held_rows_bear_their_basis(facts: RunFacts) -> None:
    held = {line.reason: (line.basis, line.where, line.rows) for line in ReasonLines(Words(facts)).held()}
    assert list(held) == ["blocked by law (processing is blocked)", "a hold placed by hand", "open debt"]
    assert held == {
        "blocked by law (processing is blocked)": ("clause 5.3 (block)", "profile 2", 2),
        "open debt": ("law 94-V art. 8(2)", "profile 10", 25),
        "a hold placed by hand": ("", "profile 1", 1),
    }


def test_overdue_units_bear_their_reason(facts: RunFacts) -> None:
    found = [(line.reason, line.where) for line in ReasonLines(Words(facts)).overdue()]
    assert found == [
        ("more than the quota of one night", "profile: 10 people"),
        ("another session kept them locked", "profile: 1 person"),
        ("the window ended first", "profile: 1 person"),
    ]


def test_a_stopped_night_says_why(facts: RunFacts) -> None:
    reason = "The brake stopped the run: 9 rows of users would have changed, and this run may change 5."
    stopped = replace(facts, state="stopped", reason=reason)
    assert reason in render_html(stopped)
    assert reason in printed(stopped)
    assert [hit for _, _, hit in Words(stopped).limits()][1:] == ["the run was stopped, see the reason"] * 2 + [""]


def test_segments_seal_and_what_was_not_reached_are_on_the_page(facts: RunFacts) -> None:
    page = render_html(facts)
    assert facts.seal is not None
    for said in [
        facts.seal.digest,
        facts.seal.key_id,
        "merzim ledger verify",
        "merzim archive restore",
        "Backups",
        "3.10",
    ]:
        assert said in page
    for segment in facts.segments:
        assert segment.segment in page
        assert segment.sha256 in page


def test_the_page_loads_nothing_and_runs_nothing(facts: RunFacts) -> None:
    page = render_html(facts)
    assert not re.search(
        r"https?:|//\w|<script|<link|<img|<iframe|@import|url\(|javascript:|\son\w+=", page, re.IGNORECASE
    )


def test_names_from_outside_are_escaped(facts: RunFacts) -> None:
    evil = replace(
        facts,
        reason=EVIL,
        operator=EVIL,
        stages=tuple(replace(s, stage=EVIL, basis=EVIL, held={EVIL: 1}, failed={EVIL: 1}) for s in facts.stages),
        tables=tuple(replace(t, table=EVIL, stage=EVIL, held={EVIL: 1}) for t in facts.tables),
        holds=tuple(replace(h, reason=EVIL, table=EVIL, key=EVIL) for h in facts.holds),
        quarantined_keys=tuple(replace(k, key=EVIL, reason=EVIL) for k in facts.quarantined_keys),
        files_waiting={EVIL: 1},
    )
    page = render_html(evil)
    assert "<script" not in page
    assert "&lt;script src=&#34;http://evil.example/x.js&#34;&gt;[bold]{n}" in page
    assert EVIL in printed(evil)


def test_the_page_is_well_formed(facts: RunFacts) -> None:
    void, open_tags = {"meta", "br"}, []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in void:
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Tags().feed(render_html(facts))
    assert open_tags == []


def test_json_is_plain_and_in_utc(facts: RunFacts) -> None:
    found = report_json(facts)
    assert found["run"] == facts.id
    assert found["state"] == "window_ended"
    assert found["ended_at"] == f"{END.isoformat()}Z"
    assert found["segments"][0]["until"] == "2026-12-23"
    assert found["tables"][1]["outcome"] == "depersonalised, copy kept until 23 December 2026 under clause 3.4"


def test_whoever_waits_for_an_answer_stands_first_in_every_form(facts: RunFacts) -> None:
    late = AnswerFacts("3f2a9c01e5", "erasure", "requested", date(2026, 11, 2), True)
    soon = replace(late, id="77aa9c01e5", answer_by=date(2026, 11, 26), overdue=False)
    waiting = replace(facts, answers=(late, soon))
    sentence = "OVERDUE: request 3f2a9c01 (erase before the term) was to be answered by 2026-11-02"
    assert printed(waiting).lstrip().startswith(sentence)
    page = render_html(waiting)
    assert page.index("OVERDUE: request 3f2a9c01") < page.index("77aa9c01") < page.index("<h1>")
    assert next(iter(report_json(waiting))) == "answers"
    assert [a["overdue"] for a in report_json(waiting)["answers"]] == [True, False]

"""Holds that end soon, holds that nobody has looked at for long, and people who are blocked: lines of their own."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.loader import load_policy
from tests.integration.small_operator import BOTH, LATELY, PEOPLE_POLICY, Operator, operator_on, people, person
from worker.pipeline.tools import utc_now
from worker.reports.as_html import render_html
from worker.reports.as_json import report_json
from worker.reports.facts import policy_of, run_facts
from worker.reports.reason_lines import ReasonLines
from worker.reports.shapes import RunFacts
from worker.reports.watched import ending_soon, to_review
from worker.reports.watched_words import HOLDS_SHOWN, Watched
from worker.reports.wording import Words

POLICY = PEOPLE_POLICY + "review: {holds: 1 year}\n"


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """One person is due, one was seen lately and one is blocked, though seen lately."""
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        operator.sql(*people(1), person(2, LATELY), person(3, LATELY))
        operator.sql(f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = 3")
        yield operator


def place(shop: Operator, placed: timedelta, ends: timedelta | None = None, released: bool = False) -> str:
    """A hold on the orders that was placed so long ago and ends after so long."""
    name = shop.hold("table", "orders", None)
    hold, now = shop.tools.ledger.hold, utc_now()
    values = {"placed_at": now - placed, "ends_at": None if ends is None else now + ends}
    with shop.tools.database.writing() as connection:
        connection.execute(hold.update().where(hold.c.id == name).values(values))
    if released:
        shop.release(name)
    return name


def facts_of(shop: Operator, run: str) -> RunFacts:
    with shop.tools.database.reading() as connection:
        return run_facts(connection, shop.tools.ledger, policy_of(connection, shop.tools.ledger, run), run)


def test_the_report_has_a_line_for_each(shop: Operator) -> None:
    ending, old = place(shop, timedelta(days=1), timedelta(days=13)), place(shop, timedelta(days=400))
    both = place(shop, timedelta(days=500), timedelta(days=5))
    place(shop, timedelta(days=300), timedelta(days=30))
    place(shop, timedelta(days=600), timedelta(days=1), released=True)
    facts = facts_of(shop, shop.usual_night().run_id)
    assert facts.blocked == 1
    assert [h.id for h in facts.holds_ending] == [both, ending]
    assert [h.id for h in facts.holds_to_review] == [both, old]
    lines = Watched(Words(facts)).lines()
    assert lines[0] == "1 person is blocked by law; a block has no end of its own."
    assert re.fullmatch(rf"The hold {both} \(every row of orders\) ends on \d+ \w+ \d+\.", lines[1])
    assert lines[4].startswith(f"The hold {old} (every row of orders) has been in force since")
    assert lines[4].endswith("longer than 1 year.")
    page = render_html(facts)
    assert all(line in page for line in lines)
    assert [h["id"] for h in report_json(facts)["holds_to_review"]] == [both, old]
    todos = {todo.what: todo.todo for todo in ReasonLines(Words(facts)).todos()}
    assert set(lines[1:]) <= set(todos)
    printed = shop.cli("report", "--form", "terminal").stdout
    assert all(line in " ".join(printed.split()) for line in lines)


def test_many_are_shortened(shop: Operator) -> None:
    for _ in range(HOLDS_SHOWN + 2):
        place(shop, timedelta(days=400))
    lines = Watched(Words(facts_of(shop, shop.usual_night().run_id))).to_review()
    assert len(lines) == HOLDS_SHOWN + 1
    assert lines[-1] == "And 2 more holds of this kind."


def test_status_has_them_too(shop: Operator) -> None:
    ending, old = place(shop, timedelta(days=1), timedelta(days=13)), place(shop, timedelta(days=400))
    told = json.loads(shop.cli("status", "--json").stdout)
    assert (told["blocked"], told["holds"]) == (1, 2)
    assert (told["holds_ending"], told["holds_to_review"]) == ([ending], [old])


def test_who_has_nothing_of_it_reads_nothing_of_it(shop: Operator) -> None:
    shop.change_policy(("review: {holds: 1 year}\n", ""), (", blocked: blocked_at", ""))
    place(shop, timedelta(days=4000))
    facts = facts_of(shop, shop.usual_night().run_id)
    assert (facts.blocked, Watched(Words(facts)).lines()) == (None, [])


class Held:
    """As much of a hold as counts here."""

    def __init__(self, placed_at: datetime, ends_at: datetime | None = None) -> None:
        self.placed_at, self.ends_at = placed_at, ends_at


AT = datetime(2026, 3, 1, 12)


@pytest.mark.parametrize(
    ("ends_at", "soon"),
    [
        (AT, False),
        (AT + timedelta(seconds=1), True),
        (AT + timedelta(days=14), True),
        (AT + timedelta(days=14, seconds=1), False),
        (None, False),
    ],
)
def test_soon_is_within_fourteen_days(ends_at: datetime | None, soon: bool) -> None:
    assert bool(ending_soon([Held(AT, ends_at)], AT)) == soon


def test_a_review_is_due_from_the_day_after_the_period_in_the_operators_zone() -> None:
    policy = load_policy(POLICY, "policy.yaml")
    held = Held(datetime(2025, 2, 28, 19))  # 1 March in Almaty
    assert to_review([held], datetime(2026, 3, 1, 18, 59), policy) == []
    assert to_review([held], datetime(2026, 3, 1, 19), policy) == [held]

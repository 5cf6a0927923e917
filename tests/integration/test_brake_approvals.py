"""Approvals: what needs one, which one counts, and what makes it void."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.small_operator import BOTH, LATELY, NOW, Operator, operator_on, people
from tests.integration.test_brake_limits import POLICY, done
from worker.ledger.decisions import Signer
from worker.pipeline.beginning import Wish
from worker.pipeline.four_eyes import decide_on_plan
from worker.pipeline.night import night
from worker.pipeline.tools import Refused

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        operator.sql(*people(1, 2), *people(3, 4, 5, seen_at=LATELY))
        yield operator


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on("sqlite", tmp_path, policy=POLICY):
        operator.sql(*people(1, 2), *people(3, 4, 5, seen_at=LATELY))
        yield operator


def refused_before(operator: Operator) -> str:
    """The fingerprint of a plan that was refused and stored tonight."""
    assert "This is the first run" in operator.refusal()
    (run,) = operator.ledger("run")
    assert run["state"] == "stopped"
    return str(run["fingerprint"])


def test_the_first_run_needs_an_approval_and_the_next_none(shop: Operator) -> None:
    before = shop.contents()
    fingerprint = refused_before(shop)
    assert shop.contents() == before
    assert f"merzim run --approve {fingerprint}" in shop.ledger("run")[0]["reason"]
    run = shop.approved_night()
    assert (run.state, done(shop)) == ("done", [1, 2])
    assert [(a["fingerprint"], a["author"]) for a in shop.ledger("approval")] == [(fingerprint, "an admin")]
    shop.sql(*people(6))
    assert shop.night().state == "done"


def test_an_approval_of_the_stored_plan_counts_the_next_day_for_those_it_saw(shop: Operator) -> None:
    shop.sql(
        "INSERT INTO orders VALUES (1, 1, 'x')",
        "UPDATE people SET seen_at = '2023-07-01 05:00:00' WHERE id = 3",
    )
    fingerprint = refused_before(shop)
    assert len(shop.plan(TOMORROW).stages[0].due) == 3  # by then person 3 is due too
    run = night(shop.tools, shop.policy, Wish(TOMORROW, approve=fingerprint, signer=shop.signer()))
    assert (run.state, done(shop)) == ("done", [1, 2])
    assert shop.ledger("run", id=run.run_id)[0]["approved"]


def test_who_left_the_plan_since_does_not_make_the_approval_void(shop: Operator) -> None:
    fingerprint = refused_before(shop)
    shop.sql(f"UPDATE people SET seen_at = '{LATELY}' WHERE id = 1")
    run = night(shop.tools, shop.policy, Wish(TOMORROW, approve=fingerprint, signer=shop.signer()))
    assert (run.state, done(shop)) == ("done", [2])


def test_who_was_added_makes_the_approval_void(shop: Operator) -> None:
    fingerprint = refused_before(shop)
    shop.sql(*people(6))
    before = shop.contents()
    said = shop.refusal(TOMORROW, approve=fingerprint)
    assert f"The approval of {fingerprint} is void: since then have become due: 1 in profile." in said
    assert shop.contents() == before


def test_one_who_left_for_one_who_came_is_void_too(lite: Operator) -> None:
    fingerprint = refused_before(lite)
    lite.sql(f"UPDATE people SET seen_at = '{LATELY}' WHERE id = 1", *people(6))
    assert "is void" in lite.refusal(TOMORROW, approve=fingerprint)
    assert done(lite) == []


def test_a_changed_policy_makes_the_approval_void(lite: Operator) -> None:
    fingerprint = refused_before(lite)
    lite.change_policy(("operator: A shop", "operator: Another shop"))
    assert f"No plan with the fingerprint {fingerprint} counts any more" in lite.refusal(approve=fingerprint)
    assert done(lite) == []


def test_a_changed_schema_makes_the_shown_fingerprint_another(lite: Operator) -> None:
    fingerprint = lite.plan().fingerprint
    lite.sql("ALTER TABLE letters ADD COLUMN more TEXT")
    assert "counts any more" in lite.refusal(approve=fingerprint)


def test_an_approval_is_void_after_seven_days(shop: Operator) -> None:
    fingerprint = refused_before(shop)
    run = "merzim_run" if shop.dialect == "sqlite" else "merzim.run"
    eight_days = NOW + timedelta(days=8)
    started = shop.ledger("run")[0]["started_at"]
    for days, counts in ((7, False), (6, True)):
        shop.sql(f"UPDATE {run} SET started_at = '{started - timedelta(days=days, minutes=1)}' WHERE state = 'stopped'")
        if not counts:
            assert "counts any more" in shop.refusal(eight_days, approve=fingerprint)
    outcome = night(shop.tools, shop.policy, Wish(eight_days, approve=fingerprint, signer=shop.signer()))
    assert (outcome.state, done(shop)) == ("done", [1, 2])


@pytest.mark.parametrize("fingerprint", ["0123456789abcdef", "", "none"])
def test_another_fingerprint_approves_nothing(lite: Operator, fingerprint: str) -> None:
    assert "counts any more" in lite.refusal(approve=fingerprint)
    assert done(lite) == []


def test_the_fingerprint_of_a_run_that_was_done_approves_nothing(lite: Operator) -> None:
    fingerprint = lite.plan().fingerprint
    assert lite.approved_night().state == "done"
    lite.sql(*people(6))
    assert "counts any more" in lite.refusal(approve=fingerprint)
    assert done(lite) == [1, 2]


def test_a_plan_that_was_expected_otherwise_is_refused(lite: Operator) -> None:
    lite.accustom()
    with pytest.raises(Refused, match="The plan now is"):
        night(lite.tools, lite.policy, Wish(NOW, expect="0123456789abcdef"))
    assert done(lite) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([("floor: {term: 3 years", "floor: {term: 2 years")], "the floor is 2 years, not 3 years"),
        (
            [
                ("      orders: delete\n", "      lines: delete\n      orders: delete\n"),
                ("  lines: another test's business\n", ""),
            ],
            "another rule for lines",
        ),
        (
            [("email, seen_at", "seen_at"), ("nothing: [note]", "nothing: [note, email]")],
            "another rule for people",
        ),
        (
            [("clock:\n", "clock:\n  - people.blocked_at\n")],
            "who a person is, their clock or the links are others",
        ),
    ],
)
def test_what_destroys_sooner_or_more_needs_an_approval(
    lite: Operator, changes: list[tuple[str, str]], said: str
) -> None:
    lite.accustom()
    lite.change_policy(*changes)
    assert said in lite.refusal()
    fingerprint = lite.plan().fingerprint
    assert "Another person" in lite.refusal(approve=fingerprint, name="another admin")
    assert done(lite) == []
    assert lite.approved_night().state == "done"
    assert done(lite) == [1, 2]


def test_one_person_who_says_yes_twice_is_still_one(lite: Operator) -> None:
    lite.accustom()
    lite.change_policy(("floor: {term: 3 years", "floor: {term: 2 years"))
    fingerprint = lite.plan().fingerprint
    assert "Another person" in lite.refusal(approve=fingerprint)
    assert "two people" in lite.refusal(approve=fingerprint)
    assert done(lite) == []
    assert [(d["author"], d["action"]) for d in lite.ledger("decision")] == [("an admin", "approve")]


def test_a_yes_that_nobody_signed_does_not_count(lite: Operator) -> None:
    lite.accustom()
    lite.change_policy(("floor: {term: 3 years", "floor: {term: 2 years"))
    fingerprint = lite.plan().fingerprint
    forged = Signer("another admin", "account", lite.tools.key_id, lambda _: b"no signature")
    with lite.tools.database.writing() as connection:
        decide_on_plan(connection, lite.tools, fingerprint, forged)
    assert "is not that of another admin" in lite.refusal(approve=fingerprint)
    assert done(lite) == []


def test_a_shorter_term_needs_an_approval_and_a_longer_one_none(lite: Operator) -> None:
    lite.accustom()
    lite.change_policy(("    term: 3 years", "    term: 4 years"))
    assert lite.night().state == "done"
    assert done(lite) == [1, 2]
    lite.sql(*people(6))
    lite.change_policy(("    term: 4 years", "    term: 3 years"))
    assert "the stage profile has a term of 3 years, not 4 years" in lite.refusal()
    assert done(lite) == [1, 2]


def test_a_hold_that_was_dropped_needs_an_approval(lite: Operator) -> None:
    without = lite.policy_text
    hold = "holds:\n  open order: {exists: orders, where: \"what = 'open'\", basis: law}\n"
    lite.change_policy(("stages:\n", f"{hold}stages:\n"))
    lite.accustom()
    lite.policy_text = without
    assert "the hold 'open order' is not there" in lite.refusal()

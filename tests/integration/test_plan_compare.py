"""plan --compare: who becomes due and who no longer, if another version of the policy came."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.loader import load_policy
from tests.integration.small_operator import BOTH, NOW, SHOP_POLICY, Operator, operator_on, person
from worker.office.comparing_plans import Comparison, StageChange, compare_plans
from worker.pipeline.tools import Refused

YEARS = {1: "2019-05-05 10:00:00", 2: "2021-05-05 10:00:00", 3: "2022-12-05 10:00:00", 4: "2026-05-05 10:00:00"}
LONGER = ("    from: subject\n    term: 3 years", "    from: subject\n    term: 5 years")


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """Three people past three years, two past five; each has an order with a line."""
    for operator in operator_on(request.param, tmp_path, policy=SHOP_POLICY):
        operator.sql(*(person(number, seen) for number, seen in YEARS.items()))
        operator.sql(*(f"INSERT INTO orders VALUES ({n}, {n}, 'a thing')" for n in YEARS))
        operator.sql(*(f"INSERT INTO lines VALUES ({n}, {n}, 'a line')" for n in YEARS))
        yield operator


def changed(*changes: tuple[str, str]) -> str:
    text = SHOP_POLICY
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


def compare(shop: Operator, other: str) -> Comparison:
    with shop.tools.database.reading() as connection:
        return compare_plans(connection, shop.tools, shop.policy, load_policy(other, "other.yaml"), NOW)


def stage(found: Comparison, name: str) -> StageChange:
    (change,) = [s for s in found.stages if s.stage == name]
    return change


def rows(change: StageChange) -> dict[str, tuple[int, int, int]]:
    return {
        t.table: (t.newly, t.no_longer, t.unchanged) for t in change.tables if t.newly or t.no_longer or t.unchanged
    }


def test_a_longer_term_lets_some_be_due_no_longer(shop: Operator) -> None:
    found = compare(shop, changed(LONGER))
    profile = stage(found, "profile")
    assert (profile.newly, sorted(profile.no_longer), profile.unchanged) == ((), [(3,)], 2)
    assert rows(profile) == {"lines": (0, 1, 2), "orders": (0, 1, 2), "people": (0, 1, 2)}
    assert found.shorter == ()


def test_a_shorter_term_makes_some_newly_due_and_is_named(shop: Operator) -> None:
    shop.change_policy(LONGER)
    found = compare(shop, SHOP_POLICY)
    profile = stage(found, "profile")
    assert (profile.newly, profile.no_longer, profile.unchanged) == (((3,),), (), 2)
    assert rows(profile) == {"lines": (1, 0, 2), "orders": (1, 0, 2), "people": (1, 0, 2)}
    assert found.shorter == ("the stage profile has a term of 3 years, not 5 years",)


def test_a_hold_that_is_no_longer_there_frees_whom_it_held(shop: Operator) -> None:
    hold = "holds:\n  open order: {exists: orders, where: \"what = 'a thing' AND id = 2\", basis: contract}\n"
    shop.change_policy(("stages:\n", f"{hold}stages:\n"))
    found = compare(shop, SHOP_POLICY)
    assert stage(found, "profile").newly == ((2,),)
    assert found.shorter == ("the hold 'open order' is not there, or is another one",)


def test_a_quota_hides_nobody(shop: Operator) -> None:
    shop.change_policy(("stages:\n", "quota: {people_per_night: 0}\nstages:\n"))
    found = compare(shop, SHOP_POLICY)
    assert (stage(found, "profile").newly, stage(found, "profile").unchanged) == ((), 3)


def test_a_new_stage_and_one_that_is_gone(shop: Operator) -> None:
    shop.sql("INSERT INTO letters VALUES (1, 'nobody@mail.kz', '2019-01-01 00:00:00')")
    without = SHOP_POLICY[: SHOP_POLICY.index("  letters:\n")] + "ignore: {letters: later}\n"
    gone = stage(compare(shop, without), "letters")
    assert (gone.newly, gone.no_longer, rows(gone)) == ((), ((1,),), {"letters": (0, 1, 0)})
    shop.policy_text = without
    new = stage(compare(shop, SHOP_POLICY), "letters")
    assert (new.newly, new.no_longer, rows(new)) == (((1,),), (), {"letters": (1, 0, 0)})


def test_a_stage_that_would_be_stopped_says_so(shop: Operator) -> None:
    found = compare(shop, changed(("          nothing: [note]\n", "")))
    assert "note" in (stage(found, "profile").stopped or "")
    assert len(stage(found, "profile").no_longer) == 3


def test_another_policy_is_no_other_version(shop: Operator) -> None:
    with pytest.raises(Refused, match="is called other, not shop"):
        compare(shop, changed(("policy: shop", "policy: other")))


def test_nothing_is_written(shop: Operator) -> None:
    before = (shop.contents(), shop.ledger("run"), shop.ledger("policy"))
    compare(shop, changed(LONGER))
    assert (shop.contents(), shop.ledger("run"), shop.ledger("policy")) == before


def test_the_command_prints_it_and_refuses_what_cannot_be_read(shop: Operator) -> None:
    other = shop.folder / "other.yaml"
    other.write_text(changed(LONGER))
    told = shop.cli("plan", "--compare", str(other), "--json", "--now", NOW.isoformat())
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert {s["stage"]: s["no_longer"] for s in found["stages"]}["profile"] == [[3]]
    other.write_text(
        changed(LONGER).replace("operator: A shop", "opertor: A shop").replace("term: 5 years", "term: 5 yeers")
    )
    told = shop.cli("plan", "--compare", str(other))
    assert told.returncode == 2
    assert "`opertor`" in told.stderr
    assert "`5 yeers`" in told.stderr

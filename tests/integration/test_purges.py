"""Purges: the same slices as the night's, for exactly the people whom an approved request names."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.purge_support import approved, asked, carried_out, refused
from tests.integration.small_operator import (
    BOTH,
    LATELY,
    NOW,
    SHOP,
    SHOP_POLICY,
    Operator,
    operator_on,
    people,
    person,
)
from worker.office.blocking import set_blocked

DEBT = "holds:\n  open debt: {exists: orders, where: \"what = 'owed'\", basis: law 94-V}\nlinks:\n"


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """Three people who came lately, each with an order, a payment and a scan; and one who left long ago."""
    policy = SHOP_POLICY.replace("links:\n", DEBT)
    for operator in operator_on(request.param, tmp_path, SHOP, policy):
        operator.sql(*people(1, 2, 3, seen_at=LATELY), *people(4))
        for n in (1, 2, 3, 4):
            operator.sql(
                f"INSERT INTO orders VALUES ({n}, {n}, 'a chair')",
                f"INSERT INTO payments VALUES ({n}, {n}, '9001{n:08d}', 'for a chair', '{LATELY}')",
            )
        yield operator


def test_an_erasure_takes_one_person_before_the_term_and_nobody_else(shop: Operator) -> None:
    before = shop.contents()
    outcome = carried_out(shop, approved(shop, "erasure", people=[1]))
    assert outcome.state == "done", outcome.reason
    assert shop.one("SELECT note FROM people WHERE id = 1") is None
    assert shop.one("SELECT iin FROM people WHERE id = 1") != "900100000001"
    assert shop.ids("orders") == [2, 3, 4]
    after = shop.contents()
    assert len(set(after["people"]) & set(before["people"])) == 3
    assert shop.one("SELECT purpose FROM payments WHERE id = 1") == "for a chair"  # the tax code keeps it
    assert [r["state"] for r in shop.ledger("request")] == ["done"]


def test_what_the_law_keeps_is_said_with_its_last_day(shop: Operator) -> None:
    found = asked(shop, "erasure", people=[1])[1]
    kept = {(k.stage, k.table): k for k in found.kept}
    assert kept["payments", "payments"].rows == 1
    assert "tax code" in kept["payments", "payments"].why
    assert str(kept["payments", "payments"].until) == "2030-05-05"
    assert set(kept) == {("payments", "payments")}
    assert {(t.stage, t.table): t.due for t in found.plan.tables if t.due} == {
        ("profile", "people"): 1,
        ("profile", "orders"): 1,
    }


def test_a_due_purge_does_what_the_night_would_do_and_no_more(shop: Operator) -> None:
    shop.sql(*people(5))
    assert asked(shop, "due", people=[1])[1].plan.rows_due == 0
    outcome = carried_out(shop, approved(shop, "due", people=[4]))
    assert outcome.state == "done", outcome.reason
    assert shop.ids("people", "note IS NULL") == [4]
    assert shop.ids("orders") == [1, 2, 3]


def test_an_open_debt_and_a_block_refuse_an_erasure_with_their_reasons(shop: Operator) -> None:
    shop.sql("UPDATE orders SET what = 'owed' WHERE id = 1", f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = 2")
    shop.hold("person", "people", "3")
    for number, reason in ((1, "open debt (basis: law 94-V)"), (2, "blocked"), (3, "by hand")):
        (sentence,) = asked(shop, "erasure", people=[number])[1].refusals
        assert reason in sentence.sentence


def test_a_hold_that_comes_after_the_approval_voids_it(shop: Operator) -> None:
    request = approved(shop, "erasure", people=[1])
    before = shop.contents()
    shop.hold("person", "people", "1")
    assert "void" in refused(shop, request)
    assert shop.contents() == before
    assert [r["state"] for r in shop.ledger("request")] == ["void"]


def test_anything_new_of_the_person_voids_the_approval(shop: Operator) -> None:
    request = approved(shop, "erasure", people=[1])
    shop.sql(person(11, LATELY, iin="900100000001"))  # another row of the same person
    assert "void" in refused(shop, request)
    assert shop.ids("people", "note IS NULL") == []


@pytest.mark.parametrize("change", ["INSERT INTO orders VALUES (11, 1, 'a table')", "DELETE FROM orders WHERE id = 1"])
def test_a_row_that_came_or_went_since_voids_the_approval(shop: Operator, change: str) -> None:
    request = approved(shop, "erasure", people=[1])
    shop.sql(change)
    before = shop.contents()
    assert "have come or gone" in refused(shop, request)
    assert shop.contents() == before


def test_a_hold_between_beginning_and_slice_leaves_the_person_alone(shop: Operator) -> None:
    request = approved(shop, "erasure", people=[1, 2])
    outcome = carried_out(shop, request, between=lambda: shop.hold("person", "people", "1"))
    assert outcome.state == "done_with_failures"
    assert "left untouched" in (outcome.reason or "")
    assert shop.ids("people", "note IS NULL") == [2]
    assert 1 in shop.ids("orders")


def test_an_erasure_needs_every_row_of_the_person(shop: Operator) -> None:
    """A row of the same person that the request does not name keeps the person as ever."""
    shop.sql(person(11, LATELY, iin="900100000001"))
    assert asked(shop, "erasure", people=[1])[1].plan.rows_due == 0
    assert asked(shop, "erasure", people=[1, 11])[1].plan.rows_due > 0


def test_a_stranger_s_row_goes_by_its_own_key(shop: Operator) -> None:
    shop.sql(
        f"INSERT INTO letters VALUES (1, 'nobody@mail.kz', '{LATELY}')",
        f"INSERT INTO letters VALUES (2, 'somebody@mail.kz', '{LATELY}')",
    )
    outcome = carried_out(shop, approved(shop, "erasure", rows={"letters": [1]}))
    assert outcome.state == "done", outcome.reason
    assert shop.ids("letters") == [2]


def test_a_purge_may_meet_the_night_on_the_same_person(shop: Operator) -> None:
    request = approved(shop, "due", people=[4])
    outcome = carried_out(shop, request, between=lambda: shop.usual_night(NOW))
    assert outcome.state in ("done", "done_with_failures")
    assert shop.ids("people", "note IS NULL") == [4]
    assert len([e for e in shop.ledger("entry") if '"people":{"depersonalised":1}' in e["counts"]]) == 1


def test_the_night_after_an_erasure_finds_nothing_of_it_to_do(shop: Operator) -> None:
    carried_out(shop, approved(shop, "erasure", people=[1]))
    erased = [shop.rows(f"SELECT * FROM {table} WHERE id = 1") for table in ("people", "payments")]
    assert shop.usual_night(NOW + timedelta(days=1)).state == "done"
    assert [shop.rows(f"SELECT * FROM {table} WHERE id = 1") for table in ("people", "payments")] == erased
    assert shop.ids("people", "note IS NULL") == [1, 4]


def test_what_was_erased_comes_back_from_its_copy(shop: Operator) -> None:
    before = shop.contents()
    outcome = carried_out(shop, approved(shop, "erasure", people=[1]))
    for segment in reversed(shop.segments(outcome.run_id)):
        shop.restore(segment)
    assert shop.contents() == before


def test_a_block_holds_everything_and_its_end_frees_it(shop: Operator) -> None:
    with shop.tools.database.writing() as connection:
        assert set_blocked(connection, shop.tools, shop.policy, [(4,), (1,)], True, "r1") == 2
        assert set_blocked(connection, shop.tools, shop.policy, [(4,)], True, "r2") == 0
    assert shop.ids("people", "blocked_at IS NOT NULL") == [1, 4]
    assert asked(shop, "erasure", people=[1])[1].refusals
    shop.usual_night()
    assert shop.ids("people", "note IS NULL") == []
    with shop.tools.database.writing() as connection:
        assert set_blocked(connection, shop.tools, shop.policy, [(4,), (1,)], False, "r3") == 2
    assert shop.ids("people", "blocked_at IS NOT NULL") == []
    kinds = sorted(r["kind"] for r in shop.ledger("run"))
    assert kinds.count("blocked") == 2
    assert kinds.count("unblocked") == 1


def test_run_carries_out_what_waits_before_the_night(shop: Operator) -> None:
    shop.accustom()
    request = approved(shop, "erasure", people=[1])
    held = approved(shop, "erasure", people=[2])
    shop.hold("person", "people", "2")
    done = shop.cli("run", "--now", NOW.isoformat())
    assert done.returncode == 0, done.stderr
    assert "is carried out." in done.stderr
    assert "void" in done.stderr
    assert shop.ids("people", "note IS NULL") == [1, 4]
    assert {r["id"]: r["state"] for r in shop.ledger("request")} == {request: "done", held: "void"}

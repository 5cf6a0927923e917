"""Rows of two people, rows that are held, a shared e-mail: what stays, what waits, and what goes by itself later."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    EACH,
    HEAD,
    LATELY,
    LONG_AGO,
    NOW,
    PEOPLE_POLICY,
    PROFILE,
    Operator,
    ignoring,
    operator_on,
    people,
    person,
)

YEARS_LATER = datetime(2031, 1, 1, tzinfo=UTC)
OLD = "2020-01-01 00:00:00"
IIN = {n: f"9001{n:08d}" for n in range(10)}


@pytest.fixture(params=EACH)
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def whole_shop(dialect: str, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(dialect, tmp_path)


@pytest.fixture
def shop(dialect: str, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(dialect, tmp_path, policy=PEOPLE_POLICY)


@pytest.fixture
def payer_shop(dialect: str, tmp_path: Path) -> Iterator[Operator]:
    """Payments go with the person, and belong to debtor and payer."""
    policy = (
        HEAD
        + "links:\n  - {from: payments.payer_iin, to: people.iin}\n"
        + PROFILE
        + """\
      payments:
        depersonalise:
          keep: [id, person_id, paid_at]
          follows people.iin: [payer_iin]
          nothing: [purpose]
"""
        + ignoring("scans", "letters")
    )
    yield from operator_on(dialect, tmp_path, policy=policy)


def remaining(operator: Operator) -> dict[int, bool]:
    return {s["key_number"]: s["remains"] for s in operator.ledger("tombstone", stage="shop/profile")}


def acted_on(operator: Operator, run_id: str) -> int:
    return sum("units" in e["counts"] and e["segment"] is not None for e in operator.entries(run_id))


def test_a_payment_goes_with_the_later_of_debtor_and_payer(payer_shop: Operator) -> None:
    payer_shop.sql(
        person(1),
        person(2, LATELY),
        f"INSERT INTO payments VALUES (1, 1, '{IIN[2]}', 'rent', '{OLD}'), (2, 1, '{IIN[1]}', 'own', '{OLD}')",
    )
    payment = payer_shop.rows("SELECT * FROM payments WHERE id = 1")
    assert payer_shop.usual_night().state == "done"
    assert payer_shop.ids("people", "name = ''") == [1]
    assert payer_shop.rows("SELECT * FROM payments WHERE id = 1") == payment
    assert payer_shop.ids("payments", "purpose IS NULL") == [2]
    own = payer_shop.one("SELECT iin FROM people WHERE id = 1")
    assert payer_shop.one("SELECT payer_iin FROM payments WHERE id = 2") == own != IIN[1]
    assert remaining(payer_shop) == {1: True}

    before = payer_shop.contents()
    quiet = payer_shop.night()
    assert (quiet.state, payer_shop.entries(quiet.run_id)) == ("done", [])  # not done again every night
    assert payer_shop.contents() == before

    assert payer_shop.night(YEARS_LATER).state == "done"
    assert payer_shop.ids("people", "name = ''") == [1, 2]
    assert payer_shop.ids("payments", "purpose IS NULL") == [1, 2]
    assert payer_shop.one("SELECT payer_iin FROM payments WHERE id = 1") == payer_shop.one(
        "SELECT iin FROM people WHERE id = 2"
    )


def test_a_payment_by_its_own_term_waits_for_both_too(whole_shop: Operator) -> None:
    whole_shop.sql(
        person(1),
        person(2, LATELY),
        f"INSERT INTO payments VALUES (1, 1, '{IIN[2]}', 'shared', '{OLD}')",
        f"INSERT INTO payments VALUES (2, 1, NULL, 'own', '{OLD}'), (3, NULL, 'nobody', 'nobody', '{OLD}')",
        f"INSERT INTO payments VALUES (4, 1, NULL, 'young', '{LATELY}'), (5, 1, NULL, 'not begun', NULL)",
    )
    assert whole_shop.usual_night().state == "done"
    assert whole_shop.ids("payments", "purpose IS NULL") == [2, 3]
    assert whole_shop.night(YEARS_LATER).state == "done"
    assert whole_shop.ids("payments", "purpose IS NULL") == [1, 2, 3, 4]


def test_a_row_held_by_hand_stays_and_goes_by_itself_after_the_release(shop: Operator) -> None:
    shop.sql(
        *people(1, 2),
        "INSERT INTO orders VALUES (1, 1, 'held'), (2, 1, 'free')",
        "INSERT INTO lines VALUES (1, 1, 'l')",
    )
    hold = shop.hold("row", "orders", "1")
    assert shop.usual_night().state == "done"
    assert (shop.ids("orders"), shop.ids("people", "name = ''")) == ([1], [1, 2])
    assert remaining(shop) == {1: True, 2: False}

    before = shop.contents()
    assert shop.entries(shop.night().run_id) == []
    assert shop.contents() == before

    shop.release(hold)
    assert [str(k) for k in shop.plan().stages[0].due] == ["(1,)"]
    assert shop.night().state == "done"
    assert shop.ids("orders") == []
    assert remaining(shop) == {1: False, 2: False}


def test_a_person_and_a_table_held_by_hand_stay_untouched_until_the_release(shop: Operator) -> None:
    shop.sql(*people(1, 2), "INSERT INTO orders VALUES (1, 1, 'x'), (2, 2, 'y')")
    before = shop.contents()
    holds = shop.hold("person", "people", "1"), shop.hold("table", "orders", None)
    assert shop.usual_night().state == "done"
    after = shop.contents()
    assert (after["orders"], after["people"][0]) == (before["orders"], before["people"][0])
    assert remaining(shop) == {2: True}
    shop.release(holds[0])
    assert shop.night().state == "done"
    assert (shop.ids("people", "name = ''"), shop.ids("orders")) == ([1, 2], [1, 2])
    shop.release(holds[1])
    assert shop.night().state == "done"
    assert shop.ids("orders") == []
    assert remaining(shop) == {1: False, 2: False}


def test_a_shared_address_delays_and_never_triggers(whole_shop: Operator) -> None:
    whole_shop.sql(
        person(1),
        person(2, LATELY),
        f"INSERT INTO letters VALUES (1, 'p1@mail.kz', '{LONG_AGO}'), (2, 'p2@mail.kz', '{LONG_AGO}')",
        f"INSERT INTO letters VALUES (3, 'p1@mail.kz', '{LATELY}'), (4, 'x@mail.kz', '{LONG_AGO}'), (5, NULL, NULL)",
    )
    assert whole_shop.usual_night().state == "done"
    # 2 waits for an active person, 3 for its own term though its person has gone, 5 has not ended at all.
    assert whole_shop.ids("letters") == [2, 3, 5]
    assert whole_shop.ids("people", "name = ''") == [1]
    assert whole_shop.night(YEARS_LATER).state == "done"
    assert whole_shop.ids("letters") == [5]
    assert whole_shop.ids("people", "name = ''") == [1, 2]


def test_a_row_that_only_an_address_leads_to_does_not_go_with_the_person(dialect: str, tmp_path: Path) -> None:
    policy = (
        HEAD
        + "links:\n  - {from: letters.email, to: people.email, only: delays}\n"
        + PROFILE
        + "      letters: delete\n"
        + ignoring("scans", "payments")
    )
    for shop in operator_on(dialect, tmp_path, policy=policy):
        shop.sql(
            "ALTER TABLE letters ADD COLUMN person_id INTEGER REFERENCES people (id)",
            "CREATE INDEX letters_person_id ON letters (person_id)",
            person(1),
            person(2, LATELY),
            "INSERT INTO letters VALUES (1, 'p1@mail.kz', NULL, NULL), (2, 'p2@mail.kz', NULL, 1), (3, NULL, NULL, 1)",
        )
        assert shop.usual_night().state == "done"
        assert shop.ids("letters") == [1, 2]
        assert shop.night(YEARS_LATER).state == "done"
        assert shop.ids("letters") == [1]


def test_a_second_run_selects_nothing_and_changes_no_table(whole_shop: Operator) -> None:
    whole_shop.sql(
        *people(1, 2),
        person(3, LATELY),
        person(4, None),
        "INSERT INTO people (id, iin, name, seen_at) SELECT 5, iin, 'Twin of 1', seen_at FROM people WHERE id = 1",
        "INSERT INTO orders VALUES (1, 1, 'x'), (2, 3, 'y')",
        "INSERT INTO lines VALUES (1, 1, 'x'), (2, 2, 'y')",
        "INSERT INTO scans VALUES (1, 1, 'gone.pdf', NULL)",
        f"INSERT INTO payments VALUES (1, 1, '{IIN[3]}', 'shared', '{OLD}'), (2, 2, '{IIN[1]}', 'done', '{OLD}')",
        f"INSERT INTO letters VALUES (1, 'p3@mail.kz', '{OLD}'), (2, 'x@mail.kz', '{OLD}')",
    )
    assert whole_shop.usual_night().state == "done"
    twins = whole_shop.rows("SELECT iin FROM people WHERE id IN (1, 5)")
    assert twins[0] == twins[1] != (IIN[1],)
    after = whole_shop.contents()
    plan = whole_shop.plan(NOW)
    assert [list(stage.due) for stage in plan.stages] == [[], [], []]
    assert plan.rows_due == 0
    again = whole_shop.night(NOW)
    assert (again.state, whole_shop.entries(again.run_id)) == ("done", [])
    assert whole_shop.contents() == after

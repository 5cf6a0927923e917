"""Promises 5 and 6 at their plainest: nothing goes under the floor, and what is not known holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import EACH, PEOPLE_POLICY, SHOP, SHOP_POLICY, Operator, operator_on, person

FIVE_YEARS, TWO_YEARS = "2021-05-05 10:00:00", "2024-05-05 10:00:00"


ROWS = [person(1, FIVE_YEARS), person(2, TWO_YEARS)]


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(request.param, tmp_path, [*SHOP, *ROWS], PEOPLE_POLICY)


@pytest.fixture(params=EACH)
def whole_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(request.param, tmp_path, [*SHOP, *ROWS], SHOP_POLICY)


def test_a_row_with_a_short_term_waits_for_its_persons_floor(whole_shop: Operator) -> None:
    """The payments' own term of a year has ended for both people; the floor of three for one of them."""
    whole_shop.change_policy(("    term: 4 years", "    term: 1 year"))
    whole_shop.sql(*(f"INSERT INTO payments VALUES ({n}, {n}, NULL, 'for', '{TWO_YEARS}')" for n in (1, 2)))
    assert whole_shop.usual_night().state == "done"
    assert whole_shop.ids("payments", "purpose IS NOT NULL") == [2]


def test_a_hold_that_is_neither_true_nor_false_holds(shop: Operator) -> None:
    """The order's field is empty: nobody can say whether it is closed."""
    shop.sql("INSERT INTO orders (id, person_id, what) VALUES (1, 1, NULL)")
    shop.change_policy(
        ("stages:\n", "holds:\n  open order: {exists: orders, where: \"what <> 'closed'\", basis: law}\nstages:\n")
    )
    assert shop.usual_night().state == "done"
    assert shop.ids("people", "name <> ''") == [1, 2]
    shop.sql("UPDATE orders SET what = 'closed'")
    assert shop.usual_night().state == "done"
    assert shop.ids("people", "name <> ''") == [2]

"""The brake and the quota: asked before the first change, counted as it commits, and zero means zero."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    BOTH,
    HEAD,
    LATELY,
    Operator,
    first_slice_of,
    ignoring,
    operator_on,
    people,
    person,
)

POLICY = (
    HEAD
    + """\
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    tables:
      orders: delete
      people:
        depersonalise:
          keep: [id, iin, email, seen_at, blocked_at]
          constant "": [name]
          nothing: [note]
"""
    + ignoring("lines", "scans", "payments", "letters")
)


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Operator]:
    """Two people of five are due, with one order: three rows."""
    yield from map(fill, operator_on("sqlite", tmp_path, policy=POLICY))


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """The same on both databases."""
    yield from map(fill, operator_on(request.param, tmp_path, policy=POLICY))


def fill(operator: Operator) -> Operator:
    operator.sql(*people(1, 2), *people(3, 4, 5, seen_at=LATELY), "INSERT INTO orders VALUES (1, 1, 'x'), (2, 3, 'y')")
    return operator


def limit(operator: Operator, line: str) -> None:
    operator.change_policy(("stages:\n", f"{line}\nstages:\n"))


def done(operator: Operator) -> list[int]:
    return operator.ids("people", "name = ''")


def once(act: Callable[[], None], after: int = 0) -> Callable[[], None]:
    """A `halt` that halts nothing and acts once, when so many slices have been allowed: between plan and slice."""
    calls = iter(range(1_000_000))

    def halt() -> None:
        if next(calls) == after:
            act()

    return halt


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("brake: {rows_per_night: 2}", "3 rows would change, more than brake.rows_per_night 2"),
        ("brake: {percent_of_table: 39}", "people (2 of 5 rows)"),
        (
            "brake: {times_recent_nights: 100}",
            "more than brake.times_recent_nights 100 times the 0 of recent nights",
        ),
    ],
)
def test_too_many_stop_before_the_first_change_and_an_approval_lets_them_go(
    lite: Operator, line: str, said: str
) -> None:
    limit(lite, line)
    lite.accustom()
    before = lite.contents()
    assert said in lite.refusal()
    assert lite.contents() == before
    assert lite.ledger("entry") == []
    assert lite.approved_night().state == "done"
    assert done(lite) == [1, 2]


@pytest.mark.parametrize("line", ["brake: {rows_per_night: 3}", "brake: {percent_of_table: 50}"])
def test_a_limit_that_is_just_met_stops_nothing(shop: Operator, line: str) -> None:
    limit(shop, line)
    assert shop.usual_night().state == "done"
    assert done(shop) == [1, 2]


def test_recent_nights_are_the_measure(lite: Operator) -> None:
    limit(lite, "brake: {times_recent_nights: 2}")
    assert lite.approved_night().state == "done"  # three rows
    lite.sql(*people(11, 12, 13, 14, 15, 16))
    assert lite.night().state == "done"  # six rows
    lite.sql(*people(*range(21, 31)))
    assert "10 rows would change, more than brake.times_recent_nights 2 times the 4.5" in lite.refusal()
    lite.sql("DELETE FROM people WHERE id = 30")
    assert lite.night().state == "done"  # nine


@pytest.mark.parametrize(
    "line",
    ["brake: {rows_per_night: 3}", "brake: {percent_of_table: 50}", "brake: {times_recent_nights: 1}"],
)
def test_rows_that_come_between_plan_and_slice_are_counted(shop: Operator, line: str) -> None:
    limit(shop, line)
    if "recent" in line:
        assert shop.approved_night().state == "done"
        shop.sql(*people(6, 7), "INSERT INTO orders VALUES (1, 6, 'x')")  # three rows, as in the night before
    else:
        shop.accustom()
    before = done(shop), shop.ids("orders")
    late = "INSERT INTO orders VALUES (3, 2, 'late'), (4, 2, 'too'), (5, 2, 'late')"
    if "recent" in line:
        late = late.replace(" 2,", " 7,")

    run = shop.night(halt=once(lambda: shop.sql(late)))
    assert run.state == "stopped"
    assert "The brake stopped the run" in str(run.reason)
    assert (done(shop), shop.ids("orders")) == (before[0], sorted([*before[1], 3, 4, 5]))


def test_what_was_committed_before_counts_too(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    first_slice_of(1, monkeypatch)
    limit(shop, "brake: {rows_per_night: 3}")
    shop.accustom()
    run = shop.night(halt=once(lambda: shop.sql("INSERT INTO orders VALUES (3, 2, 'late')"), after=1))
    assert run.state == "stopped"
    assert (done(shop), shop.ids("orders")) == ([1], [2, 3])
    assert len(shop.entries(run.run_id)) == 1


def test_an_approval_allows_what_it_saw_and_no_row_more(shop: Operator) -> None:
    limit(shop, "brake: {rows_per_night: 1}")
    shop.accustom()
    run = shop.approved_night(halt=once(lambda: shop.sql("INSERT INTO orders VALUES (3, 2, 'late')")))
    assert (run.state, done(shop)) == ("stopped", [])
    assert shop.approved_night().state == "done"
    assert (done(shop), shop.ids("orders")) == ([1, 2], [2])


@pytest.mark.parametrize("name", ["rows_per_night", "percent_of_table", "times_recent_nights"])
def test_zero_means_zero_even_with_an_approval(lite: Operator, name: str) -> None:
    limit(lite, f"brake: {{{name}: 0}}")
    lite.accustom()
    before = lite.contents()
    said = f"brake.{name} is 0, which permits nothing"
    assert said in lite.refusal()
    assert said in lite.refusal(approve=lite.plan().fingerprint)
    assert lite.contents() == before
    lite.sql(f"UPDATE people SET seen_at = '{LATELY}'")
    assert lite.night().state == "done"  # nothing is due, so nothing is refused


def test_the_rest_waits_for_the_quota_and_the_brake_sees_only_tonight(shop: Operator) -> None:
    shop.sql(*people(6, 7, 8))
    limit(shop, "quota: {people_per_night: 2}\nbrake: {rows_per_night: 3}")
    shop.accustom()
    plan = shop.plan()
    assert plan.rows_due == 3
    assert plan.stages[0].states["waits for the quota"] == 3
    nights = []
    for _ in range(4):
        assert shop.night().state == "done"
        nights.append(done(shop))
    assert nights == [[1, 2], [1, 2, 6, 7], [1, 2, 6, 7, 8], [1, 2, 6, 7, 8]]


def test_a_quota_of_zero_lets_nobody_go(lite: Operator) -> None:
    limit(lite, "quota: {people_per_night: 0}")
    before = lite.contents()
    assert lite.usual_night().state == "done"
    assert lite.contents() == before


def test_who_comes_back_before_the_slice_is_left_and_costs_nothing(shop: Operator) -> None:
    limit(shop, "brake: {rows_per_night: 3}")
    shop.accustom()
    back = f"UPDATE people SET seen_at = '{LATELY}' WHERE id = 1"
    assert shop.night(halt=once(lambda: shop.sql(back))).state == "done"
    assert (done(shop), shop.ids("orders")) == ([2], [1, 2])


def test_a_stopped_run_is_exit_code_2(lite: Operator) -> None:
    limit(lite, "brake: {rows_per_night: 2}")
    lite.sql(person(6))
    said = lite.cli("run", "--now", "2026-07-01T01:00:00+00:00")
    assert said.returncode == 2
    assert "brake.rows_per_night 2" in said.stderr
    assert done(lite) == []

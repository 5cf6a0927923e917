"""A plan asks nothing more about people whose own rows keep them, and counts the same as if it had."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.small_operator import EACH, LATELY, LONG_AGO, NOW, SHOP_POLICY, Operator, operator_on
from worker.pipeline.beginning import look
from worker.pipeline.planning import stages_of

POLICY = SHOP_POLICY.replace("  - people.seen_at\n", "  - people.seen_at\n  - payments.paid_at\n")
PROFILE_TERM = "    from: subject\n    term: 3 years\n"
ACTIVE, PAYING, QUIET, TWIN, UNKNOWN, BLOCKED, GONE = range(1, 8)


@pytest.fixture(params=EACH)
def operator(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        people = [
            (ACTIVE, "810101300121", LATELY, None),
            (PAYING, "810101300222", LONG_AGO, None),
            (QUIET, "810101300323", LONG_AGO, None),
            (TWIN, "810101300121", LONG_AGO, None),
            (UNKNOWN, "810101300525", None, None),
            (BLOCKED, "810101300626", LATELY, LATELY),
            (GONE, "810101300727", LONG_AGO, None),
        ]
        for key, iin, seen, blocked in people:
            moments = ", ".join("NULL" if m is None else f"'{m}'" for m in (seen, blocked))
            operator.sql(
                f"INSERT INTO people VALUES ({key}, '{iin}', NULL, 'Name', NULL, {moments})",
                f"INSERT INTO orders VALUES ({key}, {key}, 'books')",
            )
        operator.sql(f"INSERT INTO payments VALUES (1, {PAYING}, NULL, NULL, '{LATELY}')")
        operator.accustom()
        yield operator


def counted(operator: Operator) -> dict[str, int]:
    """What the plan says of the people."""
    (profile,) = (s for s in operator.plan().stages if s.stage == "profile")
    assert dict(profile.states) == asked_about_everybody(operator)
    return dict(profile.states)


def asked_about_everybody(operator: Operator) -> dict[str, int]:
    """The same by the predicate that slices ask."""
    with operator.tools.database.reading() as connection:
        scene, _ = look(connection, operator.tools, operator.policy, NOW)
        (profile,) = (s for s in stages_of(scene) if s.name == "profile")
        verdicts = profile.verdicts()
        query = sa.select(verdicts.c.state, sa.func.count()).group_by(verdicts.c.state)
        return {row.state: row[1] for row in connection.execute(query)}


def test_counts_are_those_of_the_whole_predicate(operator: Operator) -> None:
    unknown = "quarantined: no event says when the person stopped"
    assert counted(operator) == {"kept": 4, "due": 2, unknown: 1}
    (orders,) = (t for t in operator.plan().tables if t.table == "orders")
    assert (orders.due, dict(orders.states)) == (2, {"kept": 4, unknown: 1})
    assert operator.usual_night().state == "done"
    assert counted(operator) == {"kept": 4, "done": 2, unknown: 1}
    operator.sql(f"UPDATE people SET seen_at = '{LATELY}' WHERE id = {QUIET}")
    assert counted(operator) == {"kept": 5, "done": 1, unknown: 1}


def test_who_was_done_under_a_shorter_term_is_still_done(operator: Operator) -> None:
    assert operator.usual_night().state == "done"
    operator.change_policy((PROFILE_TERM, PROFILE_TERM.replace("3 years", "10 years")))
    states = counted(operator)
    assert (states["kept"], states["done"]) == (4, 2)


def test_what_is_told_of_one_row_is_told_of_all_rows_of_the_person(operator: Operator) -> None:
    paying_twin, held, held_twin, quiet_twin = range(8, 12)
    for key, iin in ((paying_twin, "810101300222"), (held, "810101300828"), (held_twin, "810101300828")):
        operator.sql(f"INSERT INTO people VALUES ({key}, '{iin}', NULL, 'Name', NULL, '{LONG_AGO}', NULL)")
    before = counted(operator)
    assert (before["kept"], before["due"]) == (5, 4)
    operator.hold("person", "people", str(held))
    assert counted(operator) == {**before, "due": 2, "held: by hand": 2}
    assert operator.usual_night().state == "done"
    moments = f"'{LONG_AGO}', '{LATELY}'"
    operator.sql(
        f"INSERT INTO people SELECT {quiet_twin}, iin, NULL, 'Name', NULL, {moments} FROM people WHERE id = {QUIET}"
    )
    after = counted(operator)
    assert (after["done"], after["held: blocked by law"]) == (2, 1)

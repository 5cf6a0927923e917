"""A person with very many rows goes in several slices, children first and the person's own row last."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import (
    EACH,
    LATELY,
    LONG_AGO,
    PEOPLE_POLICY,
    Operator,
    operator_on,
    people,
)
from worker.archive.keys import read_identities
from worker.archive.reading import read_segment
from worker.pipeline import gathering
from worker.pipeline.halting import when_asked
from worker.pipeline.tools import Refused
from worker.pipeline.work import Progress

YEARS_LATER = datetime(2030, 1, 1, tzinfo=UTC)
ORDERS = range(1, 9)
LINES = range(1, 17)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """Person 1 has 25 rows, and a slice takes ten. Only one order says when person 1 was last active: it goes before
    the last part, which must not ask again."""
    monkeypatch.setattr(gathering, "ROWS_LIMIT", 10)
    for operator in operator_on(request.param, tmp_path, policy=PEOPLE_POLICY):
        operator.change_policy(("  - people.seen_at\n", "  - people.seen_at\n  - orders.placed_at\n"))
        operator.sql(
            "ALTER TABLE orders ADD COLUMN placed_at TIMESTAMP",
            *people(1, 2, 3),
            "UPDATE people SET seen_at = NULL WHERE id = 1",
            *(f"INSERT INTO orders VALUES ({n}, 1, 'order {n}', NULL)" for n in ORDERS),
            f"UPDATE orders SET placed_at = '{LONG_AGO}' WHERE id = 1",
            *(f"INSERT INTO lines VALUES ({n}, {1 + n % 8}, 'line {n}')" for n in LINES),
            f"INSERT INTO orders VALUES (20, 2, 'of another', '{LONG_AGO}')",
        )
        yield operator


def left(operator: Operator) -> tuple[int, int, bool]:
    """Lines and orders that are left of person 1, and whether the person's own row is untouched."""
    lines = operator.one("SELECT count(*) FROM lines")
    orders = operator.one("SELECT count(*) FROM orders WHERE person_id = 1")
    return lines, orders, operator.one("SELECT name FROM people WHERE id = 1") == "Name 1"


def archived(operator: Operator, run_id: str) -> list[tuple[str, bytes]]:
    """Every row of every segment of a run, with its table."""
    assert operator.tools.store is not None
    found = []
    for name in operator.segments(run_id):
        with (
            operator.tools.store.open(name) as stream,
            read_segment(stream, read_identities(operator.identity_file)) as segment,
        ):
            found += [(header.table, row) for header, rows in segment.sections() for row in rows]
    return found


def in_parts(operator: Operator, run_id: str, count: int) -> bool:
    """Whether the first `count` slices are marked as parts, and no other."""
    marks = [e["part"] for e in operator.entries(run_id)]
    return len(marks) > count and marks == [True] * count + [False] * (len(marks) - count)


def test_a_heavy_person_goes_in_parts_children_first_parent_last(shop: Operator) -> None:
    steps: list[Any] = []
    run = shop.usual_night(watch=lambda _: steps.append(left(shop)))
    assert run.state == "done"
    assert steps[:3] == [(6, 8, True), (0, 4, True), (0, 0, False)]
    assert in_parts(shop, run.run_id, 2)
    assert shop.ids("people", "name = ''") == [1, 2, 3]
    rows = archived(shop, run.run_id)
    assert len(rows) == len(set(rows)) == 16 + 9 + 3
    assert [stone["remains"] for stone in shop.ledger("tombstone")] == [False] * 3


def test_a_part_restored_alone_holds_the_person_too(shop: Operator) -> None:
    shop.sql("DELETE FROM lines", "INSERT INTO orders SELECT id + 100, 1, what, placed_at FROM orders WHERE id < 8")
    run = shop.usual_night()
    assert in_parts(shop, run.run_id, 1)
    done = shop.restore(shop.segments(run.run_id)[0])
    assert [(t.table, t.inserted) for t in done.tables] == [("orders", 10)]
    assert [(h["scope"], h["key_number"]) for h in shop.ledger("hold")] == [("person", 1)]
    assert 1 not in [stone["key_number"] for stone in shop.ledger("tombstone")]
    assert shop.night().state == "done"
    assert left(shop) == (0, 10, False)
    shop.release()
    assert shop.night().state == "done"
    assert left(shop) == (0, 0, False)


def test_all_parts_are_restored_newest_first(shop: Operator) -> None:
    before = shop.contents()
    run = shop.usual_night()
    segments = shop.segments(run.run_id)
    with pytest.raises(Refused, match="restore the newest first"):
        shop.restore(segments[0])
    for segment in reversed(segments):
        assert all(t.changed_since == 0 for t in shop.restore(segment).tables)
    assert shop.contents() == before
    assert shop.ledger("tombstone") == []
    assert sorted(h["key_number"] for h in shop.ledger("hold")) == [1, 2, 3]
    assert shop.night().state == "done"
    assert shop.contents() == before
    shop.release()
    assert shop.night().state == "done"
    assert left(shop) == (0, 0, False)


@pytest.mark.parametrize("slices", [1, 2])
def test_a_crash_between_the_parts_loses_nothing(shop: Operator, slices: int) -> None:
    def kill(progress: Progress) -> None:
        if progress.slices == slices:
            raise Killed

    with pytest.raises(Killed):
        shop.usual_night(watch=kill)
    (open_run,) = shop.ledger("run", state="open")
    run = shop.night()
    assert (run.run_id, run.state) == (open_run["id"], "done")
    assert left(shop) == (0, 0, False)
    rows = archived(shop, run.run_id)
    assert len(rows) == len(set(rows)) == 16 + 9 + 3
    assert in_parts(shop, run.run_id, 2)


def test_the_next_night_takes_up_a_person_whose_day_ended_between_the_parts(shop: Operator) -> None:
    seen: list[Progress] = []
    assert shop.usual_night(halt=when_asked(lambda: len(seen) >= 2), watch=seen.append).state == "open"
    assert left(shop) == (0, 4, True)
    assert [(s["key_number"], s["remains"]) for s in shop.ledger("tombstone")] == [(1, True)]
    run = shop.night(datetime(2026, 7, 3, tzinfo=UTC))
    assert run.state == "done"
    assert shop.ledger("run", state="window_ended") != []
    assert left(shop) == (0, 0, False)


def test_who_returns_between_the_parts_keeps_the_rest_and_goes_years_later(shop: Operator) -> None:
    def come_back(progress: Progress) -> None:
        if progress.slices == 1:
            shop.sql(f"UPDATE people SET seen_at = '{LATELY}' WHERE id = 1")

    assert shop.usual_night(watch=come_back).state == "done"
    assert left(shop) == (6, 8, True)
    assert shop.night().state == "done"
    assert left(shop) == (6, 8, True)
    assert shop.night(YEARS_LATER).state == "done"
    assert left(shop) == (0, 0, False)

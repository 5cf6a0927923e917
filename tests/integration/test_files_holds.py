"""Files whose rows are gone already: whoever is held by now keeps them (promise 7)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.small_operator import (
    BOTH,
    HEAD,
    LATELY,
    LONG_AGO,
    SCANS,
    Operator,
    ignoring,
    operator_on,
    people,
    person,
)
from worker.pipeline import night
from worker.pipeline.night import empty_waiting_outbox
from worker.pipeline.work import work as work_on

ANNA, CLARA = 1, 9
POLICY = (
    HEAD
    + """\
holds:
  open order: {exists: orders, basis: contract}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    tables:
"""
    + SCANS
    + """\
      people: {depersonalise: {keep: [id, iin, email, seen_at, blocked_at], constant "": [name], nothing: [note]}}
  receipts:
    from: payments.paid_at
    term: 4 years
    basis: tax code
    tables:
      payments: {delete: row, files: {root: scans, columns: [purpose]}}
"""
    + ignoring("orders", "lines", "letters")
)


@pytest.fixture(params=BOTH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    """Anna's rows are gone, and her scan waits, because its folder was away. Clara is active."""
    for operator in operator_on(request.param, tmp_path, policy=POLICY):
        operator.sql(*people(ANNA), person(CLARA, LATELY), f"INSERT INTO scans VALUES (1, {ANNA}, 'a.png', NULL)")
        (operator.scans / "a.png").write_text("a scan")
        away = operator.scans.rename(operator.folder / "away")
        assert operator.usual_night().state == "done_with_failures"
        away.rename(operator.scans)
        assert (operator.ids("scans"), files(operator)) == ([], ["a.png"])
        yield operator


def files(shop: Operator) -> list[str]:
    return sorted(path.name for path in shop.scans.iterdir())


def test_a_hold_by_hand_keeps_the_file_until_the_last_one_is_released(shop: Operator) -> None:
    first, second = shop.hold("person", "people", str(ANNA)), shop.hold("person", "people", str(ANNA))
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == ["a.png"]
    (waiting,) = shop.ledger("outbox")
    assert "waits until the hold ends" in waiting["problem"]
    shop.release(first)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == ["a.png"]
    shop.release(second)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert (files(shop), shop.ledger("outbox")) == ([], [])


@pytest.mark.parametrize(
    ("hold", "release"),
    [
        (f"UPDATE people SET blocked_at = '{LATELY}' WHERE id = {ANNA}", "UPDATE people SET blocked_at = NULL"),
        (f"INSERT INTO orders VALUES (1, {ANNA}, 'a thing')", "DELETE FROM orders"),
    ],
)
def test_a_block_and_a_condition_keep_it_too(shop: Operator, hold: str, release: str) -> None:
    shop.sql(hold)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == ["a.png"]
    shop.sql(release)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == []


@pytest.mark.parametrize(("table", "key"), [("people", "1"), ("people", None), ("scans", None)])
def test_a_hold_on_the_persons_row_or_on_a_table_keeps_it(shop: Operator, table: str, key: str | None) -> None:
    shop.hold("table" if key is None else "row", table, key)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == ["a.png"]


@pytest.mark.parametrize("scope", ["person", "row"])
def test_somebody_elses_hold_does_not(shop: Operator, scope: str) -> None:
    shop.hold(scope, "people", str(CLARA))
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == []


def test_a_hold_that_is_placed_between_the_rows_and_their_files(
    shop: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are removed at the end of the night: whoever placed a hold before was told that nothing is touched."""
    shop.sql(person(2, LONG_AGO), "INSERT INTO scans VALUES (2, 2, 'b.png', NULL)")
    (shop.scans / "b.png").write_text("a scan")
    work = work_on

    def then_hold(*given: Any, **more: Any) -> object:
        found = work(*given, **more)
        if shop.ids("scans") == [] and not shop.ledger("hold"):
            shop.hold("person", "people", "2")
        return found

    monkeypatch.setattr(night, "work", then_hold)
    shop.night()
    assert (shop.ids("scans"), files(shop)) == ([], ["b.png"])
    shop.release()
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == []


def test_whose_file_it_was_is_not_known_any_more(shop: Operator) -> None:
    """A row that went by its own clock leaves no trace of its owner, so that any hold placed since may be meant."""
    empty_waiting_outbox(shop.tools, shop.policy)
    before = shop.hold("person", "people", str(CLARA))
    shop.sql(f"INSERT INTO payments VALUES (1, {ANNA}, NULL, 'r.pdf', '{LONG_AGO}')")
    (shop.scans / "r.pdf").write_text("a receipt")
    away = shop.scans.rename(shop.folder / "away")
    shop.night()
    away.rename(shop.scans)
    assert shop.ids("payments") == []
    since = shop.hold("person", "people", str(ANNA))
    empty_waiting_outbox(shop.tools, shop.policy)
    assert files(shop) == ["r.pdf"]
    shop.release(since)
    empty_waiting_outbox(shop.tools, shop.policy)
    assert (files(shop), [h["released_at"] for h in shop.ledger("hold", id=before)]) == ([], [None])

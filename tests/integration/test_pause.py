"""`merzim run pause`: no slice begins until `run resume`, whoever works on what; nothing is lost by it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import (
    EACH,
    LONG_AGO,
    PEOPLE_POLICY,
    SHOP,
    Operator,
    first_slice_of,
    operator_on,
    people,
)
from worker.pipeline.work import Progress


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(request.param, tmp_path, [*SHOP, *people(*range(1, 10))], PEOPLE_POLICY)


def left(shop: Operator) -> int:
    return len(shop.ids("people", "name <> ''"))


def test_a_pause_in_mid_run_and_its_end(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    first_slice_of(3, monkeypatch)
    paused: list[int] = []

    def after_the_first(done: Progress) -> None:
        if done.slices == 1:
            said = shop.cli("run", "pause", "--reason", "the server is moved")
            assert (said.returncode, "Paused" in said.stdout) == (0, True), said.stderr
            paused.append(left(shop))

    run = shop.usual_night(watch=after_the_first)
    assert (run.state, paused, left(shop)) == ("open", [6], 6)
    assert "the server is moved" in (run.reason or "")
    assert "paused already" in shop.cli("run", "pause", "--reason", "again").stderr
    status = shop.cli("status")
    assert "All work is paused" in status.stdout
    again = shop.night()
    assert (again.run_id, again.state, left(shop)) == (run.run_id, "open", 6)
    assert shop.cli("run", "resume").returncode == 0
    assert "Nothing is paused" in shop.cli("run", "resume").stderr
    assert (shop.night().state, left(shop)) == ("done", 0)
    entries = [e["counts"] for e in shop.entries(run.run_id)]
    assert sum('"people":{"depersonalised":3}' in counts for counts in entries) == 3


def test_the_reason_of_a_pause_is_no_place_for_a_person(shop: Operator) -> None:
    said = shop.cli("run", "pause", "--reason", "call +7 701 123 45 67")
    assert said.returncode == 2
    assert "701" not in said.stderr
    assert shop.ledger("pause") == []
    assert shop.ids("people", f"seen_at = '{LONG_AGO}'") == list(range(1, 10))

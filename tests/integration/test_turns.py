"""Stages take turns: one that has much to do does not keep the others waiting night after night."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.small_operator import EACH, LONG_AGO, Operator, operator_on, people
from worker.pipeline import beginning
from worker.pipeline.halting import when_asked
from worker.pipeline.work import Progress

MANY = range(1, 6)


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    for operator in operator_on(request.param, tmp_path):
        operator.sql(*people(*MANY))
        operator.sql(*(f"INSERT INTO payments VALUES ({n}, NULL, NULL, 'a chair', '{LONG_AGO}')" for n in MANY))
        operator.sql(f"INSERT INTO letters VALUES (1, NULL, '{LONG_AGO}')")
        yield operator


def test_a_night_cut_short_has_worked_on_every_stage(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "LEAST_UNITS", 1)
    seen: list[Progress] = []
    cut = shop.usual_night(halt=when_asked(lambda: len(seen) >= 4), watch=seen.append)
    assert cut.state == "open"
    assert [entry["stage"] for entry in shop.entries(cut.run_id)] == ["profile", "payments", "letters", "profile"]
    assert shop.night().state == "done"
    worked_on = [entry["stage"] for entry in shop.entries(cut.run_id)]
    assert sorted(worked_on) == ["letters", *["payments"] * 5, *["profile"] * 5]

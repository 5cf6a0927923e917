"""The operator gives a column another type while a night goes on: it goes on, and nobody is set aside for it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.integration.small_operator import EACH, PEOPLE_POLICY, SHOP, Operator, operator_on, people
from worker.pipeline import work
from worker.pipeline.pace import Pace
from worker.pipeline.work import Progress

WIDER = {
    "postgresql": "ALTER TABLE people ALTER COLUMN id TYPE bigint, ALTER COLUMN email TYPE text",
    "mysql": "ALTER TABLE people MODIFY iin VARCHAR(20), MODIFY email VARCHAR(300)",
    "sqlite": "ALTER TABLE people ADD COLUMN later TEXT DEFAULT NULL",
}


@pytest.fixture(params=EACH)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on(request.param, tmp_path, [*SHOP, *people(*range(1, 31))], PEOPLE_POLICY)


def migrated(shop: Operator) -> None:
    """In a session of its own: a driver that sees it happen forgets its plans."""
    if shop.dialect == "postgresql":
        with psycopg.connect(shop.url, autocommit=True) as session:
            session.execute(WIDER[shop.dialect].encode())
    else:
        shop.sql(WIDER[shop.dialect])


class AsItIs(Pace):
    def measured(self, seconds: float, taken: int) -> None:
        """The pace stays."""


@pytest.mark.parametrize("units", [1, 2])
def test_a_column_of_another_type_in_mid_run(shop: Operator, monkeypatch: pytest.MonkeyPatch, units: int) -> None:
    """Plans that the session keeps do not fit any more; that is the fault of nobody whose turn it is."""
    monkeypatch.setattr(work, "Pace", partial(AsItIs, units=units))

    def migrate(done: Progress) -> None:
        if done.slices == 8:  # by then the session keeps plans
            migrated(shop)

    run = shop.usual_night(watch=migrate)
    assert (run.state, run.reason) == ("done", None)
    assert shop.ids("people", "name <> ''") == []
    assert shop.ledger("quarantine") == []

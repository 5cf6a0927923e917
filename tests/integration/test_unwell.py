"""While the server is unwell slices get smaller; who may not see how it is takes it for unwell."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.night_support import wait_until
from tests.integration.small_operator import PEOPLE_POLICY, SHOP, Operator, operator_on, people
from worker.pipeline import pace
from worker.pipeline.pace import LEAST_UNITS, Pace


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Operator]:
    yield from operator_on("postgresql", tmp_path, [*SHOP, *people(*range(1, 301))], PEOPLE_POLICY)


def slices(shop: Operator) -> int:
    run = shop.usual_night()
    assert (run.state, len(shop.ids("people", "name <> ''"))) == ("done", 0)
    return run.progress.slices


def test_slices_are_small_while_somebody_waits_for_a_lock(shop: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sessions of the application are in each other's way, far from what merzim changes."""
    monkeypatch.setattr(pace, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pace, "CEILING_SECONDS", 3600.0)  # how long a slice takes must not matter here
    with psycopg.connect(shop.url) as holds, psycopg.connect(shop.url, autocommit=True) as waits:
        holds.execute("LOCK TABLE scans")
        waiting = waits.pgconn
        waiting.send_query(b"SELECT 1 FROM scans")
        wait_until(lambda: shop.one("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0)
        ill = slices(shop)
        holds.rollback()
        while waiting.get_result() is not None:
            pass
    shop.sql("UPDATE people SET name = 'again', note = 'x', iin = '9001' || lpad(id::text, 8, '0')")
    shop.sql("DELETE FROM merzim.tombstone")
    with shop.tools.database.reading() as connection:
        assert shop.tools.database.ailments(connection) == []
    assert ill > slices(shop)


def test_who_may_not_see_takes_the_server_for_unwell(shop: Operator) -> None:
    shop.sql("DROP ROLE IF EXISTS merzim_blind", "CREATE ROLE merzim_blind")
    with psycopg.connect(shop.url), shop.tools.database.reading() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE merzim_blind")
        assert "hidden_sessions" in shop.tools.database.ailments(connection)
    shop.sql("GRANT pg_read_all_stats TO merzim_blind")
    with psycopg.connect(shop.url), shop.tools.database.reading() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE merzim_blind")
        assert "hidden_sessions" not in shop.tools.database.ailments(connection)
    shop.sql("DROP ROLE merzim_blind")


def test_an_unwell_server_never_makes_slices_grow() -> None:
    pace = Pace(0.05)
    pace.looked(ailing=True)
    before = pace.units
    pace.measured(0.001, before)
    assert pace.units == before
    pace.looked(ailing=False)
    pace.measured(0.001, before)
    assert pace.units > before


def test_a_search_for_the_bad_one_goes_on_while_the_server_is_unwell() -> None:
    pace = Pace(0.05, units=1)
    pace.looked(ailing=True)
    for _ in range(10):
        pace.measured(0.001, pace.units)
    assert pace.units == LEAST_UNITS

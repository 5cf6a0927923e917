"""The gate between destroying and holding, with real sessions."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from psycopg.errors import LockNotAvailable

from tests.integration.ledger_support import NOW, Place, ledger_place, wait_for_a_waiter
from worker.ledger.errors import LedgerError
from worker.ledger.gate import hold_exclusive, hold_shared
from worker.ledger.holds import Hold, list_active
from worker.ledger.holds import place as place_hold
from worker.ledger.tables import ledger_tables


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ledger_place("postgresql", tmp_path) as fresh:
        yield fresh


def refuses(place: Place, take: Callable[..., None]) -> bool:
    """Whether another session would have to wait."""
    with place.engine.connect() as conn:
        conn.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        try:
            take(conn, place.ledger)
        except sa.exc.OperationalError as error:
            return isinstance(error.orig, LockNotAvailable)
    return False


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (hold_shared, hold_shared, False),
        (hold_shared, hold_exclusive, True),
        (hold_exclusive, hold_shared, True),
        (hold_exclusive, hold_exclusive, True),
    ],
)
def test_who_waits_for_whom(place: Place, first: Callable[..., None], second: Callable[..., None], waits: bool) -> None:
    with place.engine.begin() as conn:
        first(conn, place.ledger)
        assert refuses(place, second) is waits
    assert not refuses(place, second)


def test_a_hold_is_written_only_after_the_open_slice_has_ended(place: Place) -> None:
    hold = Hold("person", "users", "court", "lawyer", NOW, key_number=7)

    def place_it() -> str:
        with place.engine.begin() as conn:
            return place_hold(conn, place.ledger, hold)

    with ThreadPoolExecutor(1) as pool:
        with place.engine.begin() as slice_conn:
            hold_shared(slice_conn, place.ledger)
            placing = pool.submit(place_it)
            wait_for_a_waiter(place)
            assert not placing.done()
            assert list_active(slice_conn, place.ledger, NOW) == []
        hold_id = placing.result(timeout=10)
    with place.engine.begin() as conn:
        hold_shared(conn, place.ledger)
        assert [held.id for held in list_active(conn, place.ledger, NOW)] == [hold_id]


def test_a_waiting_hold_is_not_overtaken_by_new_slices(place: Place) -> None:
    def take_it() -> None:
        with place.engine.begin() as conn:
            hold_exclusive(conn, place.ledger)

    with ThreadPoolExecutor(1) as pool:
        with place.engine.begin() as slice_conn:
            hold_shared(slice_conn, place.ledger)
            waiting = pool.submit(take_it)
            wait_for_a_waiter(place)
            assert refuses(place, hold_shared)
        waiting.result(timeout=10)


def test_ledgers_in_two_schemas_have_two_gates(place: Place) -> None:
    with place.engine.begin() as conn:
        hold_exclusive(conn, ledger_tables("another"))
        assert not refuses(place, hold_exclusive)


def test_on_sqlite_the_gate_is_the_write_lock(tmp_path: Path) -> None:
    with ledger_place("sqlite", tmp_path) as place:
        plain = sa.create_engine(f"sqlite:///{place.engine.url.database}", connect_args={"timeout": 0.05})
        with plain.begin() as conn:
            hold_shared(conn, place.ledger)
            with pytest.raises(sa.exc.OperationalError, match="locked"), place.engine.begin():
                pass
        autocommit = plain.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as conn, pytest.raises(LedgerError, match="BEGIN IMMEDIATE"):
            hold_exclusive(conn, place.ledger)
        plain.dispose()

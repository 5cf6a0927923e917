"""Holds placed by hand cover what they say, as long as they say."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.ledger_support import EACH, NOW, Place, ledger_place
from worker.ledger.errors import LedgerError, PersonalText
from worker.ledger.holds import Hold, Scope, active_holds_exist, list_active, release
from worker.ledger.holds import place as place_hold
from worker.ledger.keys import KeyCodec

DAY = dt.timedelta(days=1)


@pytest.fixture(params=EACH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        with fresh.engine.begin() as conn:
            conn.exec_driver_sql("CREATE TABLE users (id integer primary key)")
            conn.exec_driver_sql("INSERT INTO users VALUES (1), (2), (3)")
            conn.exec_driver_sql("CREATE TABLE parts (kind varchar(9), no integer, primary key (kind, no))")
            conn.exec_driver_sql("INSERT INTO parts VALUES ('a', 1), ('a', 2), ('a:1', 2)")
        yield fresh


def put(place: Place, scope: Scope, table: str, key: tuple[int, str] = (0, ""), **more: Any) -> str:
    hold = Hold(scope, table, "court order", "lawyer", NOW, key_number=key[0], key_text=key[1], **more)
    with place.engine.begin() as conn:
        return place_hold(conn, place.ledger, hold)


def free(place: Place, table_name: str, scope: Scope, at: dt.datetime = NOW) -> list[tuple[Any, ...]]:
    with place.engine.connect() as conn:
        table = sa.Table(table_name, sa.MetaData(), autoload_with=conn)
        key = list(table.primary_key.columns)
        held = active_holds_exist(place.ledger, scope, table_name, key, place.dialect, at)
        return [tuple(row) for row in conn.execute(sa.select(table).where(~held).order_by(*key))]


def test_a_person_hold_covers_that_person_and_nobody_else(place: Place) -> None:
    put(place, "person", "users", (2, ""))
    assert free(place, "users", "person") == [(1,), (3,)]
    assert free(place, "users", "row") == [(1,), (2,), (3,)]


def test_a_row_hold_covers_a_composite_key(place: Place) -> None:
    codec = KeyCodec.of([sa.column("kind", sa.Text), sa.column("no", sa.Integer)])
    put(place, "row", "parts", codec.columns_of(("a", 2)))
    assert free(place, "parts", "row") == [("a", 1), ("a:1", 2)]


def test_a_table_hold_covers_every_row_of_that_table(place: Place) -> None:
    put(place, "table", "users")
    assert free(place, "users", "table") == []
    assert len(free(place, "parts", "table")) == 3


def test_a_hold_counts_until_its_end(place: Place) -> None:
    put(place, "person", "users", (1, ""), ends_at=NOW + DAY)
    assert free(place, "users", "person", NOW + DAY - dt.timedelta(microseconds=1)) == [(2,), (3,)]
    assert free(place, "users", "person", NOW + DAY) == [(1,), (2,), (3,)]


def test_a_row_is_free_when_the_last_of_its_holds_is_released(place: Place) -> None:
    first, second = put(place, "person", "users", (1, "")), put(place, "person", "users", (1, ""))
    for hold_id, still_free in ((first, [(2,), (3,)]), (second, [(1,), (2,), (3,)])):
        with place.engine.begin() as conn:
            release(conn, place.ledger, hold_id, "lawyer", NOW + DAY)
        assert free(place, "users", "person") == still_free
    with place.engine.begin() as conn, pytest.raises(LedgerError, match="no unreleased hold"):
        release(conn, place.ledger, first, "lawyer", NOW + DAY)


def test_the_list_shows_only_what_is_in_force(place: Place) -> None:
    put(place, "person", "users", (1, ""), ends_at=NOW + DAY)
    stays = put(place, "table", "users")
    with place.engine.connect() as conn:
        assert len(list_active(conn, place.ledger, NOW)) == 2
        (held,) = list_active(conn, place.ledger, NOW + DAY)
    assert (held.id, held.scope, held.reason, held.released_at) == (stays, "table", "court order", None)


def test_nothing_personal_is_written(place: Place) -> None:
    with place.engine.begin() as conn:
        for bad in (
            Hold("table", "users", "IIN 850101300123", "lawyer", NOW),
            Hold("table", "users", "court", "a@mail.kz", NOW),
        ):
            with pytest.raises(PersonalText):
                place_hold(conn, place.ledger, bad)
        with pytest.raises(LedgerError, match="end before it begins"):
            place_hold(conn, place.ledger, Hold("table", "users", "court", "lawyer", NOW, ends_at=NOW))
        assert list_active(conn, place.ledger, NOW) == []

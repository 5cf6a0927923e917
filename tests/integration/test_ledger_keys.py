"""Keys look the same in Python and in the database's own SQL."""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ledger_support import BOTH, NOW, Place, ledger_place
from worker.ledger.keys import KeyCodec

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
# A CHAR(n) keeps no trailing blanks, so the operator's value has none that could mean anything.
PADDED = TEXTS.map(lambda text: text.rstrip(" "))
DATES = st.dates(min_value=dt.date(1, 1, 1))
STAMPS = st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30))
SMALL, BIG = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)

SHAPES: dict[str, tuple[list[sa.types.TypeEngine[Any]], st.SearchStrategy[tuple[Any, ...]]]] = {
    "integer": ([sa.Integer()], st.tuples(SMALL)),
    "bigint": ([sa.BigInteger()], st.tuples(BIG)),
    "text": ([sa.Text()], st.tuples(TEXTS)),
    "char": ([sa.CHAR(20)], st.tuples(PADDED)),
    "uuid": ([sa.Uuid()], st.tuples(st.uuids())),
    "date": ([sa.Date()], st.tuples(DATES)),
    "timestamp": ([sa.DateTime()], st.tuples(STAMPS)),
    "composite": (
        [sa.Integer(), sa.Text(), sa.Uuid(), sa.DateTime()],
        st.tuples(SMALL, TEXTS, st.uuids(), STAMPS),
    ),
}

ONLY_TYPED: dict[str, tuple[list[sa.types.TypeEngine[Any]], st.SearchStrategy[tuple[Any, ...]]]] = {
    "numeric": ([sa.Numeric()], st.tuples(st.decimals(allow_nan=False, allow_infinity=False))),
    "with a boolean": ([sa.Numeric(9, 2), sa.Boolean()], st.tuples(st.decimals(-999, 999, places=2), st.booleans())),
}
"""On SQLite such columns hold integers, and keys are read as what is stored."""


@pytest.fixture(params=BOTH)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ledger_place(request.param, tmp_path) as fresh:
        yield fresh


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_python_and_sql_agree(place: Place, shape: str, data: st.DataObject) -> None:
    types, keys = SHAPES[shape]
    check_agreement(place, types, data.draw(keys))


@pytest.mark.parametrize("shape", ONLY_TYPED)
def test_python_and_postgresql_agree_on_numbers(shape: str, tmp_path: Path) -> None:
    types, keys = ONLY_TYPED[shape]
    with ledger_place("postgresql", tmp_path) as place:

        @settings(max_examples=40, deadline=None)
        @given(key=keys)
        def agree(key: tuple[Any, ...]) -> None:
            check_agreement(place, types, key)

        agree()


@pytest.mark.parametrize(
    ("setting", "types", "key"),
    [
        (
            "TimeZone = 'Asia/Almaty'",
            [sa.DateTime(timezone=True), sa.Integer()],
            (dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC), 1),
        ),
        ("DateStyle = 'German'", [sa.DateTime(), sa.Date()], (NOW, dt.date(2024, 3, 1))),
    ],
)
def test_times_agree_whatever_the_session_says(
    tmp_path: Path, setting: str, types: list[sa.types.TypeEngine[Any]], key: tuple[Any, ...]
) -> None:
    with ledger_place("postgresql", tmp_path) as place, place.engine.connect() as conn:
        conn.exec_driver_sql(f"SET {setting}")
        agree_in(conn, place, types, key)


def test_sqlite_timestamps_and_uuids_agree_however_they_are_spelled(tmp_path: Path) -> None:
    with ledger_place("sqlite", tmp_path) as place, place.engine.connect() as conn:
        conn.exec_driver_sql("CREATE TABLE loose (u CHAR(36), t TIMESTAMP)")
        conn.exec_driver_sql("INSERT INTO loose VALUES ('6BA7B810-9DAD-11D1-80B4-00C04FD430C8', '2024-02-29 01:02:03')")
        loose = sa.table("loose", sa.column("u", sa.Uuid), sa.column("t", sa.DateTime))
        codec = KeyCodec.of(list(loose.c))
        key = (uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), dt.datetime(2024, 2, 29, 1, 2, 3))
        found = conn.execute(sa.select(*codec.expressions(list(loose.c), "sqlite"))).one()
        assert tuple(found) == codec.columns_of(key)


@pytest.mark.parametrize("collation", ['"C"', '"kk-x-icu"'])
def test_a_text_key_matches_whatever_the_operator_column_collates(tmp_path: Path, collation: str) -> None:
    with ledger_place("postgresql", tmp_path) as place, place.engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE TABLE people (code text COLLATE {collation})")
        conn.exec_driver_sql("INSERT INTO people VALUES ('Ә'), ('ә')")
        people = sa.Table("people", sa.MetaData(), autoload_with=conn)
        add_tombstone(conn, place, KeyCodec.of([people.c.code]).columns_of(("ә",)))
        assert matches(conn, place, people, [people.c.code]) == [("ә",)]


def test_an_integer_key_is_joined_without_a_cast(place: Place) -> None:
    users = sa.table("users", sa.column("id", sa.Integer))
    codec = KeyCodec.of([users.c.id])
    sql = str(codec.match(place.ledger.tombstone, [users.c.id], place.dialect).compile(place.engine))
    assert "CAST" not in sql
    assert "key_number = users.id" in sql


def check_agreement(place: Place, types: Sequence[sa.types.TypeEngine[Any]], key: tuple[Any, ...]) -> None:
    with place.engine.connect() as conn:
        agree_in(conn, place, types, key)
        conn.rollback()


def agree_in(
    conn: sa.Connection, place: Place, types: Sequence[sa.types.TypeEngine[Any]], key: tuple[Any, ...]
) -> None:
    names = [f"k{i}" for i in range(len(types))]
    metadata = sa.MetaData()
    columns = [sa.Column(name, kind) for name, kind in zip(names, types, strict=True)]
    table = sa.Table("agreement", metadata, *columns)
    metadata.create_all(conn)
    conn.execute(table.insert().values(dict(zip(names, key, strict=True))))
    codec = KeyCodec.of(list(table.c))
    read_back = tuple(conn.execute(table.select()).one())
    in_sql = conn.execute(sa.select(*codec.expressions(list(table.c), place.dialect))).one()
    assert tuple(in_sql) == codec.columns_of(key) == codec.columns_of(read_back)
    assert codec.columns_of(codec.from_json(codec.to_json(key))) == codec.columns_of(key)
    add_tombstone(conn, place, codec.columns_of(key))
    assert matches(conn, place, table, list(table.c)) == [read_back]


def add_tombstone(conn: sa.Connection, place: Place, key: tuple[int, str]) -> None:
    values = {"stage": "kpi/x", "key_number": key[0], "key_text": key[1], "run_id": "r", "done_at": NOW}
    conn.execute(place.ledger.tombstone.insert().values(values | {"batch": 1, "slice": 1}))


def matches(conn: sa.Connection, place: Place, table: sa.Table, key: list[sa.Column[Any]]) -> list[tuple[Any, ...]]:
    codec = KeyCodec.of(key)
    tombstone = place.ledger.tombstone
    joined = sa.select(table).join(tombstone, codec.match(tombstone, key, place.dialect))
    return [tuple(row) for row in conn.execute(joined)]

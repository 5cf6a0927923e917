"""Lists that are written out for PostgreSQL come back as they were: keys decide which rows a slice touches."""

import os
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SERVER
from worker.ledger.lists import ListOf

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KINDS: list[tuple[sa.types.TypeEngine[Any], st.SearchStrategy[Any]]] = [
    (sa.Text(), texts | st.sampled_from(["NULL", "null", "", "{", "}", '"', "\\", ",", " a ", "{1,2}"])),
    (sa.BigInteger(), st.integers(-(2**63), 2**63 - 1)),
    (sa.Boolean(), st.booleans()),
    (sa.Numeric(), st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**20, min_value=-(10**20))),
    (sa.Date(), st.dates()),
    (sa.DateTime(), st.datetimes()),
    (sa.Uuid(), st.uuids()),
]
lists = st.one_of(*(st.tuples(st.just(kind), st.lists(st.none() | values, max_size=9)) for kind, values in KINDS))
Listed = tuple[sa.types.TypeEngine[Any], list[str | int | bool | Decimal | date | datetime | UUID | None]]


def test_they_come_back() -> None:
    engine = sa.create_engine(
        sa.make_url(os.environ[SERVER]).set(drivername="postgresql+psycopg"),
        paramstyle="numeric_dollar",
        connect_args={"cursor_factory": psycopg.RawCursor},
    )

    with engine.connect() as connection:

        @given(lists)
        def come_back(given_list: Listed) -> None:
            kind, values = given_list
            query = sa.select(sa.bindparam("these", values, type_=ListOf(kind)))
            assert connection.execute(query).scalar_one() == values

        come_back()
    engine.dispose()

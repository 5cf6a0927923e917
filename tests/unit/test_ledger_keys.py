"""Keys as the ledger writes them, in Python."""

import datetime as dt
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from worker.ledger.errors import UnsupportedKey
from worker.ledger.keys import KeyCodec

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def codec(*types: sa.types.TypeEngine[Any]) -> KeyCodec:
    return KeyCodec.of([sa.column(f"k{i}", t) for i, t in enumerate(types)])


def test_a_single_integer_is_a_number() -> None:
    assert codec(sa.BigInteger()).columns_of((42,)) == (42, "")
    assert codec(sa.SmallInteger()).is_number


def test_everything_else_is_text() -> None:
    assert codec(sa.Text()).columns_of(("Ә-1",)) == (0, "Ә-1")
    assert codec(sa.Uuid()).columns_of(("6BA7B810-9DAD-11D1-80B4-00C04FD430C8",)) == (
        0,
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    )
    assert codec(sa.Integer(), sa.Text()).columns_of((12, "аб")) == (0, "2:122:аб")


def test_trailing_blanks_of_a_padded_column_mean_nothing() -> None:
    assert codec(sa.CHAR(5)).columns_of(("ab   ",)) == (0, "ab")


@given(st.tuples(TEXTS, TEXTS), st.tuples(TEXTS, TEXTS))
def test_two_composite_keys_never_look_alike(one: tuple[str, str], other: tuple[str, str]) -> None:
    both = codec(sa.Text(), sa.Text())
    assert (both.columns_of(one) == both.columns_of(other)) == (one == other)


def test_a_key_comes_back_from_json_as_the_driver_takes_it() -> None:
    key = (7, "a", uuid.UUID(int=5), dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3))
    all_types = codec(sa.Integer(), sa.Text(), sa.Uuid(), sa.Date(), sa.DateTime())
    as_json = all_types.to_json(key)
    assert as_json[:3] == [7, "a", "00000000-0000-0000-0000-000000000005"]
    assert all_types.from_json(as_json) == key


def test_an_instant_is_written_in_utc() -> None:
    zone = dt.timezone(dt.timedelta(hours=5))
    instants = codec(sa.DateTime(timezone=True))
    key = (dt.datetime(2024, 3, 1, 2, 0, tzinfo=zone),)
    assert instants.columns_of(key) == (0, "2024-02-29T21:00:00.000000")
    assert instants.from_json(instants.to_json(key)) == key


@pytest.mark.parametrize("bad", [sa.LargeBinary(), sa.Float(), sa.JSON(), sa.Interval()])
def test_a_key_of_another_type_is_refused(bad: sa.types.TypeEngine[Any]) -> None:
    with pytest.raises(UnsupportedKey, match=type(bad).__name__):
        codec(bad)


def test_no_key_and_a_nul_character_are_refused() -> None:
    with pytest.raises(UnsupportedKey):
        codec()
    with pytest.raises(UnsupportedKey):
        codec(sa.Text()).columns_of(("a\0b",))

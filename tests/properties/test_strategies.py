"""Properties of every strategy: done is done, NULL stays NULL, and nothing random tells what stood there."""

from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.strategies import BoundStrategy, resolve

randoms = st.integers(0, 2**64).map(Random)
texts = st.one_of(st.text(), st.text(st.sampled_from("0123456789abf:./?#@-, КZ"), max_size=40))
numbers = st.one_of(
    st.integers(-(10**12), 10**12),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9),
)
ORIGINALS: dict[str, st.SearchStrategy[Any]] = {
    "nothing": texts,
    'constant "x"': texts,
    "synthetic iin": texts,
    "synthetic phone": texts,
    "synthetic email": texts,
    "invented name": texts,
    "to year": st.one_of(st.dates(), st.datetimes()),
    "to month": st.one_of(st.dates(), st.datetimes()),
    "ip to network": st.one_of(texts, st.ip_addresses(), st.ip_addresses().map(str)),
    "strip query": texts,
    "band 1000": numbers,
    "region": texts,
    "redact": st.one_of(texts, st.dictionaries(texts, st.integers() | texts, max_size=3)),
}


@pytest.mark.parametrize("spelling", ORIGINALS)
@given(data=st.data(), random=randoms)
def test_what_is_made_is_done_and_null_stays(spelling: str, data: st.DataObject, random: Random) -> None:
    bound = resolve(spelling)
    value = data.draw(ORIGINALS[spelling])
    replacement, for_null = bound.make([value, None], random)
    assert bound.is_done(replacement)
    assert (for_null is None) is (spelling != 'constant "x"')
    assert bound.is_done(bound.make([replacement], random)[0])
    _assert_not_longer(bound, value, replacement)


def _assert_not_longer(bound: BoundStrategy, value: Any, replacement: Any) -> None:
    if isinstance(value, str) and isinstance(replacement, str) and value.lstrip()[:1] not in ("{", "["):
        assert len(replacement) <= max(len(value), bound.longest() or 0)


@pytest.mark.parametrize(
    "spelling", ["to year", "to month", "ip to network", "strip query", "band 7", "redact", "region"]
)
@given(data=st.data(), random=randoms)
def test_twice_is_once_where_a_part_is_kept(spelling: str, data: st.DataObject, random: Random) -> None:
    bound = resolve(spelling)
    originals = ORIGINALS.get(spelling, numbers)
    once = bound.make([data.draw(originals)], random)
    assert bound.make(once, random) == once


@pytest.mark.parametrize("spelling", ["synthetic iin", "synthetic phone", "synthetic email"])
@given(value=texts, other=texts, seed=st.integers())
def test_a_random_value_is_no_function_of_the_old_one(spelling: str, value: str, other: str, seed: int) -> None:
    bound = resolve(spelling)
    assert bound.make([value], Random(seed)) == bound.make([other], Random(seed))
    assert bound.make([value], Random(seed)) != [value]


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6))
def test_a_number_lies_in_its_band(value: int, width: int) -> None:
    lower = resolve(f"band {width}").make([value], Random())[0]
    assert lower <= value < lower + width
    assert lower % width == 0
    assert resolve(f"band {width}").make([Decimal(value)], Random())[0] == lower


@given(st.dates(), st.datetimes())
def test_dates_stay_in_their_year_and_month(day: date, moment: datetime) -> None:
    for value in (day, moment):
        year, month = (resolve(spelling).make([value], Random())[0] for spelling in ("to year", "to month"))
        assert (year.year, year.month, year.day) == (value.year, 1, 1)
        assert (month.year, month.month, month.day) == (value.year, value.month, 1)
        assert type(year) is type(month) is type(value)

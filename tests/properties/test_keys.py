"""Keys take little room and are otherwise the list of them."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from worker.plan.fingerprint import _in_order
from worker.plan.keys import Keys

PARTS = st.one_of(st.integers(), st.integers(-50, 5_000), st.text(max_size=6), st.booleans(), st.dates(), st.none())
ONE_NUMBER = st.lists(st.tuples(st.integers(-(2**65), 2**65)))
MANY = st.one_of(ONE_NUMBER, st.lists(st.tuples(PARTS)), st.lists(st.tuples(PARTS, PARTS)))


@given(MANY, st.slices(12))
def test_keys_are_the_list_that_they_were_made_of(listed: list[tuple[object, ...]], some: slice) -> None:
    keys = Keys(listed)
    assert (len(keys), list(keys), keys[some]) == (len(listed), listed, listed[some])
    assert [keys[place] for place in range(len(keys))] == listed
    assert [type(part) for key in keys for part in key] == [type(part) for key in listed for part in key]


@given(MANY)
def test_they_are_fed_to_the_fingerprint_in_the_order_of_their_texts(listed: list[tuple[object, ...]]) -> None:
    assert list(_in_order(listed)) == sorted(listed, key=repr)


def test_whole_numbers_need_no_object_each() -> None:
    assert Keys([(n,) for n in range(1_000)])._others is None
    assert Keys([(1,), (date(2026, 1, 1),)])[0] == (1,)

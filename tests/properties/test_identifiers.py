"""Properties of recognising: nothing of ours is anybody's, nothing of anybody's survives redaction."""

import json
import re
from datetime import date
from itertools import pairwise
from random import Random
from typing import Any

import phonenumbers
from hypothesis import example, given
from hypothesis import strategies as st

from worker.identifiers import (
    check_digit,
    find,
    has_valid_checksum,
    is_iin,
    is_synthetic_email,
    is_synthetic_iin,
    is_synthetic_phone,
    normalise_iin,
    phones_in_field,
    redact,
    redact_json,
    synthetic_email,
    synthetic_iin,
    synthetic_phone,
)
from worker.identifiers.phone import is_possible_phone, is_valid_phone

randoms = st.integers(0, 2**64).map(Random)


@st.composite
def iins(draw: st.DrawFn) -> str:
    day = draw(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
    century = draw(st.sampled_from("340" if day.year < 2000 else "560"))
    serial = draw(st.integers(0, 9999).filter(lambda n: check_digit(f"{day:%y%m%d}{century}{n:04d}") is not None))
    body = f"{day:%y%m%d}{century}{serial:04d}"
    return f"{body}{check_digit(body)}"


mobiles = st.tuples(
    st.sampled_from(["700", "701", "702", "705", "707", "708", "747", "771", "775", "776", "777", "778"]),
    st.integers(0, 9_999_999),
).map(lambda parts: f"{parts[0]}{parts[1]:07d}")
spellings = st.sampled_from(
    [
        lambda n: f"+7{n}",
        lambda n: f"8{n}",
        lambda n: n,
        lambda n: f"8 ({n[:3]}) {n[3:6]}-{n[6:8]}-{n[8:]}",
        lambda n: f"+7 {n[:3]} {n[3:6]} {n[6:8]} {n[8:]}",
        lambda n: f"8\u00a0{n[:3]}\u00a0{n[3:]}",
    ]
)
emails = st.from_regex(r"[a-z0-9]{1,12}([._+-][a-z0-9]{1,8})?@[a-z0-9]{1,10}\.(kz|ru|com|қаз)", fullmatch=True)
words = st.text(st.characters(categories=["L", "P", "Zs", "Sm"], exclude_characters="@%{[+"), max_size=20)
around = st.tuples(words.map(lambda w: f"{w} "), words.map(lambda w: f" {w}"))


@given(randoms)
def test_synthetic_values_are_nobodys(random: Random) -> None:
    number, phone, address = synthetic_iin(random), synthetic_phone(random), synthetic_email(random)
    assert is_synthetic_iin(number)
    assert not is_iin(number)
    assert not has_valid_checksum(number)
    assert is_synthetic_phone(phone)
    assert is_synthetic_email(address)
    assert find(f"ИИН {number}") == []


@given(st.from_regex(r"[+]7[0-9]{10}", fullmatch=True))
@example("+70012345678")
@example("+78001234567")
def test_our_telephones_are_read_as_phonenumbers_reads_them(number: str) -> None:
    parsed = phonenumbers.parse(number, None)
    assert is_valid_phone(number) == phonenumbers.is_valid_number(parsed)
    assert is_possible_phone(number) == phonenumbers.is_possible_number(parsed)


@given(iins())
def test_an_iin_is_never_taken_for_ours(number: str) -> None:
    assert is_iin(number)
    assert not is_synthetic_iin(number)
    assert normalise_iin(int(number)) == number


@given(iins(), around)
def test_no_iin_survives(number: str, sides: tuple[str, str]) -> None:
    assert number not in redact(sides[0] + number + sides[1])


@given(emails, around)
def test_no_address_survives(address: str, sides: tuple[str, str]) -> None:
    assert address not in redact(sides[0] + address + sides[1])


@given(mobiles, spellings, around)
def test_no_telephone_survives(national: str, spell: Any, sides: tuple[str, str]) -> None:
    left = redact(sides[0] + spell(national) + sides[1])
    assert national not in re.sub(r"[^0-9]", "", left)
    assert phones_in_field(spell(national)) == [f"+7{national}"]


noise = st.text(st.sampled_from('0123456789 78()+-./@abikzИЖСНОЗlO{}[]":,\u200b\u00a0５'), max_size=80)


@given(st.one_of(st.text(), noise))
@example("ИИН a@b.kz 601301390109")
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


leaves = st.one_of(st.none(), st.booleans(), st.integers(0, 10**12), st.floats(allow_nan=False), noise, emails)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["iin", "a", "b"]), inner, max_size=3)
    ),
)


@given(documents)
def test_redacting_json_twice_is_redacting_it_once(document: Any) -> None:
    once = redact_json(document)
    assert redact_json(once) == once


@given(iins(), mobiles, emails)
def test_nothing_survives_deep_in_json(number: str, national: str, address: str) -> None:
    inner = json.dumps({"iin": int(number), "to": [address, f"8{national}"]})
    left = redact(json.dumps([{"raw": inner, "payer": {"iin": int(number)}, number: national, "n": int(number)}]))
    digits = re.sub(r"[^0-9]", "", left)
    assert number not in digits
    assert national not in digits
    assert address not in left


@given(st.one_of(st.text(), noise))
def test_spans_are_ordered_and_apart(text: str) -> None:
    spans = find(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))

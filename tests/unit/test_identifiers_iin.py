"""The IIN: the shared vectors, both passes of the check digit, numbers that no person can have."""

import csv
from pathlib import Path
from random import Random

import pytest

from worker.identifiers import iin

VECTORS = list(csv.DictReader((Path(__file__).parent / "data" / "iin_vectors.csv").open(encoding="utf-8")))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["value"])
def test_vectors(vector: dict[str, str]) -> None:
    number = vector["value"]
    assert iin.is_iin(number) is (vector["kind"] == "iin")
    assert iin.is_bin(number) is (vector["kind"] == "bin")
    assert iin.has_valid_checksum(number) is (vector["valid_checksum"] == "yes")
    assert not iin.is_synthetic_iin(number)


def test_second_pass_decides_where_the_first_gives_ten() -> None:
    assert iin.check_digit("95061529000") == 7
    assert iin.check_digit("99123149061") == 1


def test_some_bodies_have_no_check_digit() -> None:
    without = next(body for body in (f"{n:011d}" for n in range(10_000)) if iin.check_digit(body) is None)
    assert not any(iin.has_valid_checksum(f"{without}{last}") for last in range(10))


@pytest.mark.parametrize("wrong", ["", " 600101390109", "6001013901090", "60010139010x", "６００１０１３９０１０９"])
def test_only_twelve_ascii_digits_are_an_iin(wrong: str) -> None:
    assert not iin.is_iin(wrong)
    assert not iin.has_iin_shape(wrong)
    assert not iin.has_valid_checksum(wrong)


def test_the_century_decides_on_29_february() -> None:
    assert iin.has_iin_shape("000229600000")  # 2000
    assert not iin.has_iin_shape("000229300000")  # 1900
    assert iin.has_iin_shape("000229000000")  # the seventh digit 0 names no century
    assert not iin.has_iin_shape("000101700000")


@pytest.mark.parametrize(
    ("spelled", "number"),
    [
        ("600101390109", "600101390109"),
        (" 600101 390-109 ", "600101390109"),
        ("６００１０１３９０１０９", "600101390109"),
        ("6OO1O139O1O9", "600101390109"),
        ("6001\u200b01390109", "600101390109"),
        (229690109, "000229690109"),
        (600101390109, "600101390109"),
        ("12345678", None),
        ("6001013901091", None),
        ("неизвестно", None),
        ("", None),
    ],
)
def test_normalise(spelled: str | int, number: str | None) -> None:
    assert iin.normalise_iin(spelled) == number


def test_synthetic_numbers_are_impossible_thrice() -> None:
    random = Random(1)
    drawn = [iin.synthetic_iin(random) for _ in range(20_000)]
    assert all(iin.is_synthetic_iin(number) for number in drawn)
    assert all(int(number[2:4]) > 12 and number[6] == "9" and number[0] != "0" for number in drawn)
    assert not any(iin.has_valid_checksum(number) for number in drawn)
    assert len(set(drawn)) == len(drawn)
    assert {number[-1] for number in drawn} == set("0123456789")


def test_one_impossibility_is_not_enough_to_be_synthetic() -> None:
    assert not iin.is_synthetic_iin("601301390108")  # month and check digit, but not the seventh digit
    right = next(f"60130199010{last}" for last in range(10) if iin.has_valid_checksum(f"60130199010{last}"))
    assert not iin.is_synthetic_iin(right)  # month and seventh digit, but a right check digit
    assert not iin.is_synthetic_iin("")

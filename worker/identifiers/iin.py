"""The IIN (ЖСН): the number of a person in Kazakhstan, its check digit, and numbers that no person can have.

A mismatch of IIN and birth date is no error (resolution № 853 of 26.08.2013): nothing here says age or sex.
"""

import re
from calendar import monthrange
from operator import mul
from random import Random

from worker.identifiers.folding import digits_for_letters, fold

LENGTH = 12
FIRST_WEIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
SECOND_WEIGHTS = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_TWELVE_DIGITS = re.compile(r"[0-9]{12}")
_SEPARATORS = re.compile(r"[\s.\-]")
# Seventh digit 0 is in real use and tells no century: a day of either is believed.
_CENTURIES = {
    "0": (1900, 2000),
    "1": (1800,),
    "2": (1800,),
    "3": (1900,),
    "4": (1900,),
    "5": (2000,),
    "6": (2000,),
}


def check_digit(body: str) -> int | None:
    """The twelfth digit for eleven digits; None when such a number is never issued (both passes give 10)."""
    codes = body.encode("ascii")  # each is 48 more than its digit, and 48 times the weights' sum (66) is nothing mod 11
    for weights in (FIRST_WEIGHTS, SECOND_WEIGHTS):
        rest: int = sum(map(mul, codes, weights)) % 11
        if rest < 10:
            return rest
    return None


def has_twelve_digits(number: str) -> bool:
    """Exactly twelve ASCII digits and nothing else."""
    return _TWELVE_DIGITS.fullmatch(number) is not None


def has_valid_checksum(number: str) -> bool:
    """Twelve digits whose last one is the right check digit (IIN and BIN share the rule)."""
    return has_twelve_digits(number) and check_digit(number[:11]) == int(number[11])


def has_iin_shape(number: str) -> bool:
    """Twelve digits that begin with a real day (YYMMDD) of the century the seventh digit names."""
    if not has_twelve_digits(number):
        return False
    year, month, day = int(number[:2]), int(number[2:4]), int(number[4:6])
    if not 1 <= month <= 12:
        return False
    return any(1 <= day <= monthrange(century + year, month)[1] for century in _CENTURIES.get(number[6], ()))


def has_bin_shape(number: str) -> bool:
    """Twelve digits that begin with YYMM and the kind of a legal entity (fifth digit 4, 5 or 6)."""
    return has_twelve_digits(number) and 1 <= int(number[2:4]) <= 12 and number[4] in "456"


def is_iin(number: str) -> bool:
    """Checksum and shape of an IIN both hold."""
    return has_valid_checksum(number) and has_iin_shape(number)


def is_bin(number: str) -> bool:
    """Checksum and shape of a BIN both hold. A BIN names a legal entity and is not personal."""
    return has_valid_checksum(number) and has_bin_shape(number)


def normalise_iin(value: str | int) -> str | None:
    """Twelve ASCII digits from any spelling, zeros lost in a number put back; None when it cannot be twelve.

    A number of fewer than nine digits is no IIN that lost zeros: YYMM keeps at least its last digit.
    """
    text = digits_for_letters(fold(str(value)).text.strip())
    digits = _SEPARATORS.sub("", text)
    if not re.fullmatch(r"[0-9]{9,12}", digits):
        return None
    return digits.zfill(LENGTH)


def synthetic_iin(random: Random) -> str:
    """A random number no person can have: month 13..99, seventh digit 9 and a wrong twelfth digit.

    The first digit is never 0, so that an integer column keeps all twelve.
    """
    draw = int(random.random() * 90 * 87 * 1_000_000 * 9)
    draw, off = divmod(draw, 9)
    draw, tail = divmod(draw, 1_000_000)
    year, month = divmod(draw, 87)
    body = f"{10 + year}{13 + month}{tail // 10_000:02d}9{tail % 10_000:04d}"
    return f"{body}{((check_digit(body) or 0) + 1 + off) % 10}"


def is_synthetic_iin(number: str) -> bool:
    """True for exactly the numbers that `synthetic_iin` can give (and a leading zero)."""
    return (
        has_twelve_digits(number)
        and int(number[2:4]) > 12
        and number[6] == "9"
        and check_digit(number[:11]) != int(number[11])
    )

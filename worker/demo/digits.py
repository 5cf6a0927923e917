"""Numbers of invented people: IINs with a right check digit, phones in the spellings of practice, IBANs.

An IIN made here is unique to its number by construction: two accounts are one person only where it is meant.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta

ADULTS_BORN_FROM = date(1948, 6, 1)
ADULT_DAYS = 20_000
MINOR_DAYS = 2_500  # born 10 to 17 years ago
MOBILE_PREFIXES = ("700", "701", "702", "705", "707", "708", "747", "771", "775", "776", "777", "778")
_SPREAD = 7919  # prime to both numbers of days: neighbours are not born on neighbouring days
_WEIGHTS = (tuple(range(1, 12)), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))


def check_digit(body: str) -> int | None:
    """The twelfth digit of eleven, or None where no number is ever issued."""
    for weights in _WEIGHTS:
        digit = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
        if digit < 10:
            return digit
    return None


def birth_of(number: int, minor: bool, today: date) -> date:
    """The birth date of the number-th person."""
    first, days = (today - timedelta(days=17 * 365), MINOR_DAYS) if minor else (ADULTS_BORN_FROM, ADULT_DAYS)
    return first + timedelta(days=number * _SPREAD % days)


def iin_of(number: int, born: date, female: bool, minor: bool) -> str:
    """The IIN of the number-th person: no two numbers below twenty million (minors: three) have the same."""
    block = number // (MINOR_DAYS if minor else ADULT_DAYS)
    century = (5 if born.year >= 2000 else 3) + female
    for attempt in range(7):
        serial = (born.toordinal() * 3571 + block * 7 + attempt) % 10_000
        body = f"{born:%y%m%d}{century}{serial:04d}"
        if (digit := check_digit(body)) is not None:
            return body + str(digit)
    raise AssertionError("seven neighbouring serial numbers without a check digit do not exist")


def spoilt(rng: random.Random, iin: str) -> str:
    """A wrong IIN as people write them: a wrong last digit, an impossible month, or a company's BIN."""
    way = rng.randrange(3)
    if way == 0:
        return iin[:11] + str((int(iin[11]) + 1 + rng.randrange(8)) % 10)
    body = iin[:2] + "13" + iin[4:11] if way == 1 else f"{iin[:4]}4{rng.randrange(10**6):06d}"
    return body + str(check_digit(body) or 0)


def full_width(digits: str) -> str:
    """The digits as East Asian full-width characters, as some keyboards type them."""
    return digits.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})


def mobile(rng: random.Random) -> str:
    """Ten national digits of a mobile number."""
    return f"{rng.choice(MOBILE_PREFIXES)}{rng.randrange(10**7):07d}"


def landline(rng: random.Random) -> str:
    """Ten national digits of a landline in Astana or Almaty."""
    return f"{rng.choice(('7172', '7272', '7273'))}{rng.randrange(10**6):06d}"


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda n: f"+7{n}",
    lambda n: f"8{n}",
    lambda n: n,
    lambda n: f"8 ({n[:3]}) {n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n: f"+7({n[:3]}){n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n: f"+7 {n[:3]} {n[3:6]} {n[6:8]} {n[8:]}",
    lambda n: f"+7\N{NO-BREAK SPACE}{n[:3]}\N{NO-BREAK SPACE}{n[3:]}",
    lambda n: f"8 {n[:4]} {n[4:6]} {n[6:8]} {n[8:]}",
    lambda n: f"wa.me/7{n}",
    lambda n: f"8{n} вн. 123",
)


def spelt(rng: random.Random, national: str) -> str:
    """A number in one of the spellings seen in practice; one in a hundred fields holds two numbers."""
    text = rng.choice(_SPELLINGS)(national)
    return f"{text}, {mobile(rng)}" if rng.random() < 0.01 else text


def iban(rng: random.Random) -> str:
    """A Kazakhstan IBAN with right check digits: its tail holds runs of twelve digits."""
    account = f"{rng.randrange(1, 1000):03d}{rng.randrange(10**13):013d}"
    check = 98 - int(account + "203500") % 97  # KZ00 moved to the end, as digits
    return f"KZ{check:02d}{account}"

"""Telephone numbers as people write them in Kazakhstan, and numbers that nobody has.

+7 is shared with Russia; the trunk prefix is 8; a national number has ten digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import phonenumbers

from worker.identifiers.folding import digits_for_letters, fold

# Possible but not assigned today (libphonenumber 9.0.43). A test asks phonenumbers: new metadata fails it.
SYNTHETIC_PREFIXES = tuple(
    str(prefix)
    for first, last in (
        (703, 704), (709, 709), (719, 720), (730, 746), (748, 750), (752, 759),
        (765, 770), (772, 774), (779, 784), (786, 799),
    )
    for prefix in range(first, last + 1)
)  # fmt: skip
_SYNTHETIC = re.compile(r"\+?7([0-9]{3})[0-9]{7}")
_OURS = re.compile(r"\+7[1-9][0-9]{9}")

_GAP = r"[ \t().\-/]{0,3}"
_TAIL = rf"(?:{_GAP}[0-9]){{9}}(?![0-9])"
_EXTENSION = r"(?:[ \t,;]{0,3}(?:вн(?:утр)?|доб|ext|ішкі)[.:]?[ \t]{0,2}[0-9]{1,6}(?![0-9]))?"
# Tried at every start of a digit group: a failed reading must not swallow the number that begins in it.
_WITH_PREFIX = re.compile(rf"(?<![0-9])(?=((?:\+[ \t]?)?[78]{_GAP}[3-9]{_TAIL}{_EXTENSION}))", re.IGNORECASE)
# Ten digits in one piece that begin with 9 are a contract's number here far more often than one of Russia.
_BARE = re.compile(rf"(?<![0-9])(?=(\(?(?:7|9(?![0-9]{{9}})){_TAIL}{_EXTENSION}))", re.IGNORECASE)
_FOREIGN = re.compile(rf"(?<![0-9])(?:\+|00)(?!7)[1-9](?:{_GAP}[0-9]){{7,14}}")
_EXTENSION_AT_END = re.compile(rf"(?:{_EXTENSION})$", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """Digits that may be a telephone: their half-open span, the number as +digits, how it was written."""

    start: int
    end: int
    number: str
    has_plus: bool


def candidates(text: str) -> Iterator[Candidate]:
    """Everything in folded text that is written like a number, valid or not; spans may overlap."""
    for pattern in (_WITH_PREFIX, _BARE):
        for match in pattern.finditer(text):
            start, end = match.span(1)
            digits = re.sub(r"[^0-9]", "", _EXTENSION_AT_END.sub("", match[1]))
            yield Candidate(start, end, f"+7{digits[-10:]}", match[1].startswith("+"))
    if _FOREIGN.search(text):
        for found in phonenumbers.PhoneNumberMatcher(text, "KZ", phonenumbers.Leniency.POSSIBLE):
            number = phonenumbers.format_number(found.number, phonenumbers.PhoneNumberFormat.E164)
            if not number.startswith("+7"):
                yield Candidate(found.start, found.end, number, has_plus=True)


def is_valid_phone(number: str) -> bool:
    """Whether +digits lies in a range that is assigned today, in whatever country."""
    return phonenumbers.is_valid_number(_parsed(number))


def is_possible_phone(number: str) -> bool:
    """Whether +digits has a length that a number can have."""
    return phonenumbers.is_possible_number(_parsed(number))


def _parsed(number: str) -> phonenumbers.PhoneNumber:
    """What phonenumbers makes of +digits: of ours at once, because its own reading of a text's number took a third of
    the time of redaction."""
    if _OURS.fullmatch(number):
        return phonenumbers.PhoneNumber(country_code=7, national_number=int(number[2:]))
    return phonenumbers.parse(number, None)


def phones_in_field(value: str | int) -> list[str]:
    """Every number of a field as +7XXXXXXXXXX (abroad: +digits), in the order written, extensions dropped."""
    text = digits_for_letters(fold(str(value)).text)
    taken: list[Candidate] = []
    for candidate in candidates(text):
        if all(candidate.end <= other.start or other.end <= candidate.start for other in taken):
            taken.append(candidate)
    return [candidate.number for candidate in sorted(taken, key=lambda c: c.start)]


def normalise_phone(value: str | int) -> str | None:
    """The first number of the field as +7XXXXXXXXXX; None when there is none."""
    return next(iter(phones_in_field(value)), None)


def synthetic_phone(random: Random) -> str:
    """A random +7XXXXXXXXXX that is assigned to nobody."""
    draw = int(random.random() * len(SYNTHETIC_PREFIXES) * 10_000_000)
    prefix, rest = divmod(draw, 10_000_000)
    return f"+7{SYNTHETIC_PREFIXES[prefix]}{rest:07d}"


def is_synthetic_phone(number: str) -> bool:
    """True for what `synthetic_phone` can give, and for the same without the plus (integer columns)."""
    match = _SYNTHETIC.fullmatch(number)
    return match is not None and match[1] in SYNTHETIC_PREFIXES

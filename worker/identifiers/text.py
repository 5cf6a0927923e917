"""Finding IINs, e-mail addresses and telephones in free text.

Of random 12-digit strings 9.9 % pass the checksum, and 0.26 % the checksum and the shape: free text demands
the checksum AND (the shape OR a label ИИН/ЖСН/IIN nearby). An IBAN is recognised first: its digit runs are no
IINs.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from worker.identifiers import phone
from worker.identifiers.email import PATTERN as EMAIL
from worker.identifiers.email import normalise_email
from worker.identifiers.folding import digits_for_letters, fold, latin
from worker.identifiers.iin import has_bin_shape, has_iin_shape, has_valid_checksum

IdentifierKind = Literal["iin", "email", "phone"]
_FoundKind = Literal["shield", "iin", "email", "phone"]

_IBAN = re.compile(r"(?<![A-Z0-9])KZ[0-9]{2}(?: ?[A-Z0-9]{4}){4}(?![A-Z0-9])", re.IGNORECASE)
_TWELVE = re.compile(r"(?<![0-9])(?=([0-9](?:[ .\-]?[0-9]){11})(?![0-9]))")
# Not after "[": the marker [IIN] that redaction leaves is no label for its neighbours.
_LABEL = re.compile(r"(?<![^\W\d_])(?<!\[)(?:[иi]\.?[иi]\.?[нnh]|ж\.?[сsc]\.?[нnh])", re.IGNORECASE)
_LABEL_BEFORE, _LABEL_AFTER = 24, 12
_FEWEST_TRUE_DIGITS = 7
_ENOUGH_DIGITS = re.compile(r"[0-9OОoоlIІіЗз](?:[^0-9]{0,4}[0-9OОoоlIІіЗз]){8}")


@dataclass(frozen=True)
class Span:
    """One identifier in a text: what it is and the half-open range of characters it takes."""

    kind: IdentifierKind
    start: int
    end: int


@dataclass(frozen=True)
class _Found:
    kind: _FoundKind
    start: int
    end: int


def find(text: str, allow: Sequence[str] = (), labelled: bool = False) -> list[Span]:
    """Identifiers in `text`, in order, never overlapping; contacts in `allow` (clause 6.7) are passed over.

    `labelled` says that the whole text stands under a label such as a JSON key "iin".
    """
    allowed = _allowed(tuple(allow))
    folded = fold(text)
    taken: list[_Found] = []
    occupied = bytearray(len(folded.text))
    for found in _everything(folded.text, allowed, labelled, occupied):
        if 1 not in occupied[found.start : found.end]:
            occupied[found.start : found.end] = b"\1" * (found.end - found.start)
            taken.append(found)
    return [
        Span(found.kind, *folded.original_span(found.start, found.end))
        for found in sorted(taken, key=lambda f: f.start)
        if found.kind != "shield"
    ]


@lru_cache(maxsize=64)
def _allowed(allow: tuple[str, ...]) -> frozenset[str]:
    emails = (normalise_email(contact) for contact in allow)
    phones = (number for contact in allow if "@" not in contact for number in phone.phones_in_field(contact))
    return frozenset(spelling for spelling in (*emails, *phones) if spelling)


def _everything(text: str, allowed: frozenset[str], labelled: bool, occupied: bytearray) -> Iterator[_Found]:
    """All findings, the surer first: who comes first keeps the place. `occupied` are the places taken by now."""
    for match in _IBAN.finditer(latin(text)):
        if _is_iban(match[0]):
            yield _Found("shield", *match.span())
    if "@" in text or "%40" in text:
        yield from _emails(text, allowed)
    if not _ENOUGH_DIGITS.search(text):
        return
    readings = [text]
    if (with_digits := digits_for_letters(text)) != text:
        readings.append(with_digits)
    for reading in readings:
        yield from _iins(reading, text, labelled)
        yield from _phones(reading, text, allowed, occupied)


def _is_iban(spelled: str) -> bool:
    iban = spelled.replace(" ", "").upper()
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _emails(text: str, allowed: frozenset[str]) -> Iterator[_Found]:
    for match in EMAIL.finditer(text):
        address = normalise_email(match[0].lstrip("'*#-."))
        yield _Found("shield" if address in allowed else "email", *match.span())


def _iins(reading: str, text: str, labelled: bool) -> Iterator[_Found]:
    for match in _TWELVE.finditer(reading):
        start, end = match.span(1)
        number = re.sub(r"[^0-9]", "", match[1])
        if not has_valid_checksum(number) or _true_digits(text, start, end) < _FEWEST_TRUE_DIGITS:
            continue
        if has_iin_shape(number) or (not has_bin_shape(number) and (labelled or _has_label(text, start, end))):
            yield _Found("iin", start, end)


def _has_label(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - _LABEL_BEFORE) : start], text[end : end + _LABEL_AFTER]
    return _LABEL.search(before) is not None or _LABEL.search(after) is not None


def _phones(reading: str, text: str, allowed: frozenset[str], occupied: bytearray) -> Iterator[_Found]:
    for candidate in phone.candidates(reading):
        if 1 in occupied[candidate.start : candidate.end]:
            continue  # asking libphonenumber takes longer than all the rest
        if _true_digits(text, candidate.start, candidate.end) < _FEWEST_TRUE_DIGITS:
            continue
        if candidate.number in allowed:
            yield _Found("shield", candidate.start, candidate.end)
        # A plus says that a telephone is meant; bare digits must lie in a range that is assigned.
        elif phone.is_valid_phone(candidate.number) or (
            candidate.has_plus and phone.is_possible_phone(candidate.number)
        ):
            yield _Found("phone", candidate.start, candidate.end)


def _true_digits(text: str, start: int, end: int) -> int:
    return sum(char.isdigit() for char in text[start:end])

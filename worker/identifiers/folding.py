"""Folding look-alikes before recognition: full-width forms, other scripts' digits, hidden characters.

Folding never makes text longer, so that a place in the folded text leads back to the place in the original.
Clause 3.9 of the privacy policy itself mixes Cyrillic and Latin letters: homoglyphs occur in real data.
"""

import re
import unicodedata
from dataclasses import dataclass

_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\u30fc"
_LATIN = str.maketrans(
    "АВЕЗІЈКМНОРСТУХҮЅаеіјкорсухѕԁһɡΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
    "ABE3IJKMHOPCTYXYSaeijkopcyxsdhgABEZHIKMNOPTYXo",
)
_ZERO, _ONE, _THREE = "OoОоΟοՕ", "lIІіӀӏΙι|ı", "ЗзҘƷ"
_LOOKS_LIKE_DIGIT = {c: d for chars, d in ((_ZERO, "0"), (_ONE, "1"), (_THREE, "3")) for c in chars}
_LETTERS_IN_NUMBER = re.compile(
    f"(?<=[0-9])[{''.join(map(re.escape, _LOOKS_LIKE_DIGIT))}]+|[{_ZERO}{_THREE}]+(?=[0-9])"
)


class _FoldTable(dict[int, str]):
    """Fills itself: str.translate asks for a character once, the answer is kept."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(char: str) -> str:
    if _HIDDEN.match(char):
        return ""
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    if char in _DASHES:
        return "-"
    if char in "。｡":
        return "."
    plain = unicodedata.normalize("NFKC", char)
    # A superscript digit is a footnote, not a digit of the number before it.
    return plain if len(plain) == 1 and not plain.isdigit() else char


_TABLE = _FoldTable()


@dataclass(frozen=True)
class Folded:
    """Folded text and, for each of its characters, the place in the original (None: the same place)."""

    text: str
    places: tuple[int, ...] | None

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original that the folded span [start, end) came from."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def fold(text: str) -> Folded:
    """Full-width and foreign digits become ASCII, dashes "-", odd spaces " "; hidden characters go."""
    if text.isascii():
        return Folded(text, None)
    folded = text.translate(_TABLE)
    if len(folded) == len(text):
        return Folded(folded, None)
    return Folded(folded, tuple(i for i, char in enumerate(text) if _TABLE[ord(char)]))


def latin(text: str) -> str:
    """The text with Cyrillic and Greek look-alikes as Latin letters; the length stays."""
    return text.translate(_LATIN)


def digits_for_letters(text: str) -> str:
    """The text with letters beside digits that look like one (O, З, l) as digits; the length stays."""
    return _LETTERS_IN_NUMBER.sub(lambda m: "".join(_LOOKS_LIKE_DIGIT[c] for c in m[0]), text)

"""The answer to a person's request, as data: what `letter_forms` writes as a letter in one of three languages.

Nothing in it is the person's: names of tables, counts, dates, bases of the policy and names of recipients. Texts of the
policy stand in the letter as they are written there, whatever the language.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

Language = Literal["en", "ru", "kk"]
Asked = Literal["erasure", "due", "block", "unblock", "access"]
Outcome = Literal["done", "partly", "refused"]
Deed = Literal["deleted", "depersonalised", "kept"]
Why = Literal["term", "due", "hold", "by_hand", "blocked", "undecided", "shared", "policy"]

DEEDS: tuple[Deed, ...] = ("deleted", "depersonalised", "kept")
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True)
class Ground:
    """Why records are kept, or a request was refused. `hold` is the name of the policy's hold where `why` is "hold".
    `words` stand instead of the catalogue's where the ground is one that only the operator can say: they must have no
    personal data. `until` is the last day of it, None while nobody knows."""

    why: Why | None = None
    basis: str = ""
    hold: str = ""
    until: date | None = None
    words: str = ""


@dataclass(frozen=True)
class Line:
    """What was done to the records of one table. `rows` is None where nobody counted them for one person. `day` is when
    it was done; `copy_until` the last day of the sealed copy (clause 3.4), None where there is none."""

    table: str
    deed: Deed
    rows: int | None
    ground: Ground = Ground()
    day: date | None = None
    copy_until: date | None = None
    copy_basis: str = ""


@dataclass(frozen=True)
class Answer:
    """What somebody asked and what became of it. `reference` is the request's id, or that of the explanation: letters,
    digits and hyphens, never something of the person. `received_on` is None where nobody wrote it down. Dates are
    local. `grounds` are those against the whole request; `recipients` who else received the data (clause 3.10)."""

    operator: str
    asked: Asked
    outcome: Outcome
    reference: str
    answered_on: date
    received_on: date | None = None
    lines: tuple[Line, ...] = ()
    grounds: tuple[Ground, ...] = ()
    recipients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.reference):
            raise ValueError(self.reference)

    def rows(self, deed: Deed) -> int:
        """How many records this was done to, as far as they were counted."""
        return sum(line.rows or 0 for line in self.lines if line.deed == deed)


def file_name(answer: Answer, language: Language, ending: Literal["md", "html"]) -> str:
    """The name of the letter's file: the reference and the language, nothing of the person."""
    return f"letter-{answer.reference}-{language}.{ending}"

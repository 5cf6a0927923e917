"""An answer in the words of one language: the plain texts that every form of the letter is made of."""

import re
from dataclasses import dataclass

from config.catalogue import catalogue
from worker.reports.letter import DEEDS, Answer, Ground, Language, Line

NOT_COUNTED = "—"
COLUMNS = ("table", "outcome", "rows", "ground", "until")
_CLAUSE = re.compile(r"clause (\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Letter:
    """The texts of a letter in their order; an empty title means that its part is left out. `rows` have the cells of
    COLUMNS."""

    language: Language
    operator: str
    number: str
    day: str
    title: str
    opening: tuple[str, ...]
    grounds_title: str
    grounds: tuple[str, ...]
    records_title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    recipients_title: str
    passed: str
    recipients: tuple[str, ...]
    told: str
    closing: tuple[str, ...]
    signed: str


def in_words(answer: Answer, language: Language) -> Letter:
    """The letter's texts."""
    return _Writer(answer, language).letter()


class _Writer:
    def __init__(self, answer: Answer, language: Language) -> None:
        self.answer, self.language = answer, language
        self.catalogue = catalogue(language)
        self.text = self.catalogue.text

    def letter(self) -> Letter:
        answer, text = self.answer, self.text
        return Letter(
            language=self.language,
            operator=answer.operator,
            number=text("letter.number", reference=answer.reference),
            day=self.catalogue.day(answer.answered_on),
            title=text(f"letter_title.{answer.asked}"),
            opening=self._opening(),
            grounds_title=text("letter.grounds") if answer.grounds else "",
            grounds=tuple(self._with_end(ground) for ground in answer.grounds),
            records_title=text("letter.records") if answer.lines else "",
            columns=tuple(text(f"letter_column.{name}") for name in COLUMNS),
            rows=tuple(self._cells(line) for line in answer.lines),
            recipients_title=text("letter.recipients") if answer.recipients else "",
            passed=text("letter.passed"),
            recipients=answer.recipients,
            told=text("letter.copies" if answer.asked == "access" or answer.outcome == "refused" else "letter.told"),
            closing=self._closing(),
            signed=text("letter.signed"),
        )

    def _opening(self) -> tuple[str, ...]:
        answer, text = self.answer, self.text
        found = [text("letter.dear")]
        if answer.received_on is not None:
            found.append(text(f"letter_received.{answer.asked}", day=answer.received_on))
        done = answer.outcome == "done"
        found.append(text(f"letter_done.{answer.asked}" if done else f"letter_outcome.{answer.outcome}"))
        if answer.asked == "access" and not answer.lines and done:
            found.append(text("letter.none"))
        parts = [text(f"letter_sum.{deed}", n=n) for deed in DEEDS if (n := answer.rows(deed))]
        if parts:
            found.append(text("letter_sum.all", parts=", ".join(parts)))
        return tuple(found)

    def _closing(self) -> tuple[str, ...]:
        changed = any(line.deed != "kept" for line in self.answer.lines)
        names = [*(["letter.backups"] if changed else []), "letter.secret", "letter.complaint"]
        return tuple(self.text(name) for name in names)

    def _cells(self, line: Line) -> tuple[str, ...]:
        return (
            line.table,
            self._outcome(line),
            NOT_COUNTED if line.rows is None else self.catalogue.number(line.rows),
            self._ground(line.ground),
            self._until(line),
        )

    def _outcome(self, line: Line) -> str:
        deed = self.text(f"letter_deed.{line.deed}")
        if line.day is not None:
            deed = self.text("letter_deed.on", deed=deed, day=line.day)
        if line.copy_until is None:
            return deed
        return self.text("letter_deed.copy", deed=deed, until=line.copy_until, basis=self._basis(line.copy_basis))

    def _until(self, line: Line) -> str:
        if line.deed != "kept" or line.ground.why == "due":
            return ""
        return self.catalogue.day(line.ground.until) if line.ground.until else self.text("letter.standing")

    def _ground(self, ground: Ground) -> str:
        words = ground.words
        if not words and ground.why is not None:
            words = self.text(f"letter_why.{ground.why}", hold=ground.hold)
        basis = self._basis(ground.basis)
        return self.text("letter.ground", why=words, basis=basis) if words and basis else words or basis

    def _with_end(self, ground: Ground) -> str:
        words = self._ground(ground)
        return words if ground.until is None else self.text("letter.until", ground=words, day=ground.until)

    def _basis(self, basis: str) -> str:
        """A basis of the policy as it stands there; a clause's number as the language writes it."""
        clause = _CLAUSE.fullmatch(basis)
        return self.text("letter.clause", number=clause[1]) if clause else basis

"""Why something was not done, and what to do about it: the lines under held, quarantined, overdue and to do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worker.plan.ranks import BLOCKED, BY_HAND
from worker.reports.reasons import HELD, known_reason
from worker.reports.watched_words import Watched
from worker.reports.wording import Words

_SOMEBODY_ACTS = ("locked", "stopped", "failed")
_ByStage = Sequence[tuple[str, Mapping[str, int]]]


@dataclass(frozen=True)
class ReasonLine:
    """One reason not to act: its words and basis, the units by stage, the rows behind them, and what to do."""

    reason: str
    basis: str
    where: str
    rows: int
    todo: str


@dataclass(frozen=True)
class Todo:
    """Something that waits for a person, and what to do about it."""

    what: str
    todo: str


class ReasonLines:
    """The reasons of one run, in the words of one language."""

    def __init__(self, words: Words) -> None:
        self._words, self._facts, self._text = words, words.facts, words.text

    def held(self) -> list[ReasonLine]:
        """Every reason that held something back: blocks, holds by hand, then those of the policy in its order."""
        facts = self._facts
        by_stage = [(s.stage, s.held) for s in facts.stages]
        found = _all_reasons([*by_stage, *((t.stage, t.held) for t in facts.tables)])
        order = [BLOCKED.removeprefix(HELD), BY_HAND.removeprefix(HELD), *facts.hold_bases]
        return [
            ReasonLine(
                reason=self._words.reason(reason),
                basis=facts.hold_bases.get(reason, self._basis_of_law(reason)),
                where=self._where(reason, by_stage),
                rows=sum(t.held.get(reason, 0) for t in facts.tables),
                todo=self._text(f"todo.{known_reason(reason) or 'hold'}"),
            )
            for reason in sorted(found, key=lambda reason: order.index(reason) if reason in order else len(order))
        ]

    def _basis_of_law(self, reason: str) -> str:
        return self._text("held.blocked_basis") if known_reason(reason) == "blocked" else ""

    def quarantined(self) -> list[ReasonLine]:
        """Every reason why a term could not be decided, then every failure that set something aside."""
        facts = self._facts
        undecided = [(s.stage, s.quarantined) for s in facts.stages]
        lines = [
            ReasonLine(
                reason=self._words.reason(reason),
                basis="",
                where=self._where(reason, undecided),
                rows=sum(t.quarantined.get(reason, 0) for t in facts.tables),
                todo=self._text(f"todo.{known_reason(reason) or 'failed'}"),
            )
            for reason in _all_reasons([*undecided, *((t.stage, t.quarantined) for t in facts.tables)])
        ]
        failed = [(s.stage, s.failed) for s in facts.stages]
        for reason in _all_reasons(failed):
            words = self._text("quarantined.failed", reason=self._words.reason(reason))
            rows = sum(found.get(reason, 0) for _, found in failed)
            lines.append(ReasonLine(words, "", self._where(reason, failed), rows, self._text("todo.failed")))
        return lines

    def overdue(self) -> list[ReasonLine]:
        """What was due and waits, by stage and reason."""
        return [
            ReasonLine(
                reason=self._why_overdue(reason),
                basis=stage.basis,
                where=self._text("stage.in_stage", stage=stage.stage, units=self._words.units(stage, n)),
                rows=n,
                todo=self._text(f"todo.{reason}"),
            )
            for stage in self._facts.stages
            for reason, n in stage.overdue.items()
        ]

    def _why_overdue(self, reason: str) -> str:
        return self._text(f"overdue.{reason}", reason=self._facts.reason or self._text("overdue.no_reason"))

    def _where(self, reason: str, by_stage: _ByStage) -> str:
        number = self._words.catalogue.number
        parts = [f"{stage} {number(found[reason])}" for stage, found in by_stage if found.get(reason)]
        return self._text("stage.and").join(parts)

    def todos(self) -> list[Todo]:
        """Everything that waits for a person; empty when nothing does."""
        facts, watched = self._facts, Watched(self._words)
        found = []
        if facts.state in ("stopped", "failed"):
            what = self._text("limit.stopped", reason=facts.reason or self._text("overdue.no_reason"))
            found.append(Todo(what, self._text("todo.stopped")))
        found += [Todo(f"{s.stage}: {s.stopped}", self._text("todo.stage")) for s in facts.stopped_stages]
        found += [Todo(f"{line.reason} ({line.where})", line.todo) for line in self.quarantined()]
        waiting = [(s, reason) for s in facts.stages for reason in s.overdue if reason in _SOMEBODY_ACTS]
        if facts.state not in ("stopped", "failed"):
            found += [Todo(f"{s.stage}: {self._why_overdue(r)}", self._text(f"todo.{r}")) for s, r in waiting]
        found += [Todo(sentence, self._text("todo.files")) for sentence in self._words.files()]
        found += [Todo(sentence, self._text("todo.ending")) for sentence in watched.ending()]
        found += [Todo(sentence, self._text("todo.review")) for sentence in watched.to_review()]
        if facts.seal is None and facts.state != "open":
            found.append(Todo(self._text("proof.unsealed"), self._text("todo.seal")))
        return found


def _all_reasons(found: Iterable[tuple[str, Mapping[str, int]]]) -> list[str]:
    return list(dict.fromkeys(reason for _, counted in found for reason, n in counted.items() if n))

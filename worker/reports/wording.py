"""The facts of a run in words: what terminal and page both say, so that they cannot disagree."""

from dataclasses import dataclass, replace
from datetime import date

from config.catalogue import Catalogue, catalogue
from worker.reports.answers import answer_line
from worker.reports.facts import counts
from worker.reports.reasons import known_reason
from worker.reports.shapes import RunFacts, StageFacts, TableFacts

_KINDS = ("run", "night", "queue", "purge", "restore")


@dataclass(frozen=True)
class Copies:
    """Sealed copies of one stage with one end date."""

    stage: str
    until: date | None
    segments: int
    rows: int
    bytes: int


class Words:
    """Says the facts of one run in one language."""

    def __init__(self, facts: RunFacts, language: str = "en") -> None:
        self.facts = facts
        self.catalogue: Catalogue = catalogue(language)
        self.text = self.catalogue.text

    def answers(self) -> list[str]:
        """Who waited for an answer at the end of the run, overdue or nearly."""
        return [answer_line(self.text, answer) for answer in self.facts.answers]

    def answer(self) -> str:
        """What happened, in one sentence."""
        facts = self.facts
        kind = facts.kind if facts.kind in _KINDS else "other"
        what = self.text(f"kind.{kind}", kind=facts.kind, day=facts.local_date)
        return self.text(f"answer.{facts.state}", what=what, changed=self._changed())

    def details(self) -> list[str]:
        """What one wants to know next: why, copies, what is left, who is held."""
        facts = self.facts
        found = [self.text("answer.why", reason=facts.reason)] if facts.reason else []
        found += [sentence for sentence in [self._copies()] if sentence]
        overdue = facts.overdue
        if overdue:
            found.append(self.text("answer.overdue", n=overdue))
        elif facts.state == "done" and not facts.stopped_stages:
            found.append(self.text("answer.none_left"))
        if facts.people is not None and facts.people.held:
            found.append(self.text("answer.held", n=facts.people.held))
        return found

    def _changed(self) -> str:
        numbers = counts(self.facts) | {"restored": sum(t.restored for t in self.facts.tables)}
        names = ("depersonalised", "deleted", "restored")
        parts = [self.text(f"answer.{name}", n=numbers[name]) for name in names if numbers[name]]
        return self.joined(parts) if parts else self.text("answer.nothing")

    def joined(self, parts: list[str]) -> str:
        """`a`, `a and b`, `a, b and c`."""
        if len(parts) < 2:
            return "".join(parts)
        return self.text("answer.and", first=self.text("stage.and").join(parts[:-1]), second=parts[-1])

    def _copies(self) -> str:
        """Whether what was done can be undone, and how long."""
        tables, segments = self.facts.tables, self.facts.segments
        if all(t.restored == t.changed for t in tables):
            return ""
        archived = sum(t.archived for t in tables)
        until = max((s.until for s in segments if s.until), default=None)
        if not archived or until is None:
            return self.text("answer.no_copies")
        complete = archived >= sum(t.changed - t.restored for t in tables)
        return self.text("answer.copies" if complete else "answer.some_copies", n=archived, until=until)

    def outcome(self, table: TableFacts) -> str:
        """What happened to a table's rows; as long as a copy exists, that it exists (promise 8)."""
        done = [
            self.text(f"outcome.{operation}")
            for operation in ("depersonalised", "deleted", "followed", "restored")
            if getattr(table, operation)
        ]
        if not done:
            return self.text("outcome.nothing_done" if table.due else "outcome.nothing_due")
        operation = self.joined(done)
        if table.restored:
            return operation
        outcome = self.text("outcome.without_copy", operation=operation)
        if table.archived and table.copy_until and table.copy_basis:
            until, basis = table.copy_until, table.copy_basis
            outcome = self.text("outcome.with_copy", operation=operation, until=until, basis=basis)
        if table.by_trigger:
            outcome = self.text("outcome.by_trigger", n=table.by_trigger, outcome=outcome)
        return self.text("outcome.files", outcome=outcome) if table.files else outcome

    def left(self, table: TableFacts) -> int:
        """Rows of the table that were due and wait for another run."""
        stage = next((s for s in self.facts.stages if s.stage == table.stage), None)
        return max(0, table.due - table.changed) if stage is not None and stage.overdue else 0

    def term(self, stage: StageFacts) -> str:
        """How long, counted from what."""
        ended = [c.removeprefix("done: ") for c in stage.counted_from if c.startswith("done: ")]
        events = [
            self.text("stage.subject") if c == "subject" else c
            for c in stage.counted_from
            if not c.startswith("done: ")
        ]
        if ended:
            events.append(self.text("stage.ended", stages=self.joined(ended)))
        origin = events[0] if len(events) == 1 else self.text("stage.newest", events=self.joined(events))
        return self.text("stage.term", term=stage.term, origin=origin)

    def units(self, stage: StageFacts, count: int) -> str:
        """So many of what a stage counts: people, or rows of a table."""
        return self.text("stage.people" if stage.by_person else "stage.rows", n=count, table=stage.unit)

    def conditions(self, stage: StageFacts) -> str:
        """Basis, term, cut-off and copy of a stage, in one line."""
        parts = [self.text("stage.basis", basis=stage.basis)] if stage.basis else []
        parts.append(self.term(stage))
        if stage.cutoff is not None:
            parts.append(self.text("stage.cutoff", day=stage.cutoff))
        copy = stage.copy
        parts.append(self.text("stage.copy", term=copy.term, basis=copy.basis) if copy else self.text("stage.no_copy"))
        return "; ".join(parts) + "."

    def progress(self, stage: StageFacts) -> str:
        """How many units were done, when, and which were no longer due."""
        facts, moment = self.facts, self.catalogue.moment
        if not stage.due:
            return ""
        parts = [self.text("stage.units", done=stage.done, due=self.units(stage, stage.due))]
        if stage.first_commit is not None and stage.last_commit is not None:
            first, last = moment(stage.first_commit, facts.timezone), moment(stage.last_commit, facts.timezone)
            parts.append(self.text("stage.timing", n=stage.slices, first=first, last=last))
        if stage.left_out:
            parts.append(self.text("stage.left_out", n=stage.left_out))
        return " ".join(parts)

    def reason(self, reason: str) -> str:
        """A reason of plan or ledger in words."""
        known = known_reason(reason)
        return self.text(f"reason.{known}") if known else reason

    def copies(self) -> list[Copies]:
        """The run's segments, put together by stage and end date."""
        found: dict[tuple[str, date | None], Copies] = {}
        for s in self.facts.segments:
            place = (s.stage, s.until)
            so_far = found.get(place, Copies(s.stage, s.until, 0, 0, 0))
            found[place] = replace(
                so_far, segments=so_far.segments + 1, rows=so_far.rows + s.rows, bytes=so_far.bytes + s.bytes
            )
        return list(found.values())

    def until(self, copies: Copies) -> str:
        """The last day of a copy."""
        return self.catalogue.day(copies.until) if copies.until else ""

    def files(self) -> list[str]:
        """Files that still wait to be removed, with what is in their way."""
        return [
            self.text("unreached.files", n=n, problem=problem or self.text("unreached.files_untried"))
            for problem, n in self.facts.files_waiting.items()
        ]

    def unreached(self) -> list[str]:
        """What no run can reach, and who has to."""
        names = ("backups", "replicas", "logs", "exports", "recipients", "outside")
        return [self.text(f"unreached.{name}") for name in names]

    def limits(self) -> list[tuple[str, str, str]]:
        """Each limit of the policy: its name, what it permits, whether this run met it."""
        limits = self.facts.limits
        waits = self.text("stage.and").join(
            self.text("limit.reached", n=n, stage=stage) for stage, n in self.facts.waits_for_quota.items()
        )
        quota = ("limit.people_per_night", "", limits.people_per_night, waits or self.text("limit.no"))
        brakes = (
            ("limit.rows_per_night", "", limits.rows_per_night, self._brake()),
            ("limit.percent_of_table", "limit.percent", limits.percent_of_table, self._brake()),
            ("limit.times_recent_nights", "limit.times", limits.times_recent_nights, self._brake()),
        )
        return [
            (self.text(name), self._permitted(value, form), "" if value is None else reached)
            for name, form, value, reached in (quota, *brakes)
        ]

    def _brake(self) -> str:
        # The ledger keeps why a run was stopped as a sentence, not which limit it was.
        if self.facts.state == "stopped":
            return self.text("limit.see_reason")
        return self.text("limit.lifted" if self.facts.approved else "limit.no")

    def _permitted(self, value: int | None, form: str) -> str:
        if value is None:
            return self.text("limit.none")
        return self.text(form, n=value) if form else self.catalogue.number(value)

    def approved(self) -> str:
        """Who said yes to the plan, if anybody had to."""
        facts = self.facts
        if facts.approval is not None:
            when = self.catalogue.moment(facts.approval.approved_at, facts.timezone)
            author = facts.approval.author
            return self.text("limit.approved", fingerprint=facts.fingerprint, author=author, when=when)
        name = "limit.approved_unnamed" if facts.approved else "limit.not_approved"
        return self.text(name, fingerprint=facts.fingerprint)

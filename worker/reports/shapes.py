"""What a report says, as data. Times are naive UTC as in the ledger, sizes bytes, counts rows unless said otherwise.

No personal data: keys, counts, reasons and names of tables only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from worker.reports.answers import AnswerFacts

OverdueReason = Literal["quota", "locked", "window_ended", "stopped", "failed", "open"]
Verdict = Literal["clean", "attention", "stopped", "open"]


@dataclass(frozen=True)
class CopyTerms:
    """How long, and on which basis, the policy keeps the sealed copy of a stage's rows (clause 3.4)."""

    term: str
    basis: str
    why: str | None


@dataclass(frozen=True)
class StageFacts:
    """One stage, counted in units: people, or rows of table `unit`.

    `due` are all units past their term, `done` those acted on, `left_out` those that were due when the plan was made
    and no longer when their turn came. `failed` were set aside because their change failed, `overdue` wait for another
    run. `counted_from`: "subject", a column, or "done: stage". `stopped`: why the stage did not run at all.
    """

    stage: str
    unit: str
    by_person: bool
    basis: str
    term: str
    counted_from: tuple[str, ...]
    cutoff: date | None
    copy: CopyTerms | None
    scanned: int
    due: int
    done: int
    left_out: int
    kept: int
    done_before: int
    held: Mapping[str, int]
    quarantined: Mapping[str, int]
    failed: Mapping[str, int]
    overdue: Mapping[OverdueReason, int]
    slices: int
    first_commit: datetime | None
    last_commit: datetime | None
    stopped: str | None


@dataclass(frozen=True)
class TableFacts:
    """What one stage did to one table, in rows. `followed` rows had only a link column replaced, together with the
    identifier that it joins (operation "follow" where the stage has no rule for the table). `by_trigger` of the changed
    rows were not there when the plan was made: a trigger of the database wrote them during the run."""

    stage: str
    table: str
    operation: str
    basis: str
    rows: int
    due: int
    deleted: int
    depersonalised: int
    followed: int
    restored: int
    by_trigger: int
    archived: int
    held: Mapping[str, int]
    quarantined: Mapping[str, int]
    kept: int
    done_before: int
    files: bool
    copy_until: date | None
    copy_basis: str | None

    @property
    def changed(self) -> int:
        """Rows that are no longer as they were."""
        return self.deleted + self.depersonalised + self.followed + self.restored


@dataclass(frozen=True)
class SegmentFacts:
    """One sealed archive file; `until` is the last day on which it is kept."""

    segment: str
    stage: str
    batch: int
    slice: int
    sha256: str
    bytes: int
    rows: int
    until: date | None
    committed_at: datetime
    part: bool


@dataclass(frozen=True)
class QuarantinedKey:
    """A row that was not acted on, because its clock could not be decided or its change failed."""

    stage: str
    table: str
    key: str
    reason: str


@dataclass(frozen=True)
class HoldFacts:
    """A hold placed by hand that was in force when the run ended. `key` is None for a whole table."""

    id: str
    scope: str
    table: str
    key: str | None
    reason: str
    placed_at: datetime
    ends_at: datetime | None


@dataclass(frozen=True)
class SealFacts:
    """The signed hash that closes the run's entries; `previous` is that of the run before."""

    ordinal: int
    digest: str
    previous: str
    key_id: str
    entries: int
    sealed_at: datetime


@dataclass(frozen=True)
class Approval:
    """Somebody's yes to the plan of this run."""

    author: str
    approved_at: datetime


@dataclass(frozen=True)
class People:
    """The persons, by the first stage of the policy that counts from the person's clock; None: that stage did not
    run. All but `due` add up to `scanned`; `left` were due and are as they were: overdue, or no longer due in their
    turn."""

    scanned: int
    due: int
    done: int
    left: int
    held: int
    quarantined: int
    kept: int
    done_before: int


@dataclass(frozen=True)
class Limits:
    """What the policy permits a night; None is no limit."""

    people_per_night: int | None
    rows_per_night: int | None
    percent_of_table: int | None
    times_recent_nights: int | None


@dataclass(frozen=True)
class RunFacts:
    """Everything that a report says about a run. `holds_ending` end soon, `holds_to_review` are older than
    `review_term`; `blocked` are the people whom the law blocked when the run was planned, None where nobody counted."""

    id: str
    kind: str
    policy: str
    policy_hash: str
    operator: str
    timezone: str
    installation: str | None
    local_date: date
    slot: int
    now: datetime
    state: str
    reason: str | None
    fingerprint: str
    approved: bool
    approval: Approval | None
    started_at: datetime
    ended_at: datetime | None
    people: People | None
    stages: tuple[StageFacts, ...]
    tables: tuple[TableFacts, ...]
    segments: tuple[SegmentFacts, ...]
    quarantined_keys: tuple[QuarantinedKey, ...]
    quarantined_total: int
    holds: tuple[HoldFacts, ...]
    holds_ending: tuple[HoldFacts, ...]
    holds_to_review: tuple[HoldFacts, ...]
    review_term: str | None
    blocked: int | None
    files_waiting: Mapping[str, int]
    batches: int
    batches_open: int
    keys_skipped: int
    limits: Limits
    hold_bases: Mapping[str, str]
    seal: SealFacts | None
    answers: tuple[AnswerFacts, ...]

    @property
    def stopped_stages(self) -> tuple[StageFacts, ...]:
        """Stages that did not run."""
        return tuple(s for s in self.stages if s.stopped is not None)

    @property
    def overdue(self) -> int:
        """Units that were due and wait for another run."""
        return sum(n for s in self.stages for n in s.overdue.values())

    @property
    def waits_for_quota(self) -> dict[str, int]:
        """Units by stage that the quota left for another night."""
        return {s.stage: s.overdue["quota"] for s in self.stages if s.overdue.get("quota")}

    @property
    def seconds(self) -> float | None:
        """How long the run took; None while it is open."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()

    @property
    def verdict(self) -> Verdict:
        """Whether somebody has to look at this run."""
        if self.state == "open":
            return "open"
        if self.state in ("stopped", "failed"):
            return "stopped"
        loose = self.overdue or self.quarantined_total or self.stopped_stages or self.files_waiting
        return "attention" if loose or self.state != "done" or self.seal is None else "clean"

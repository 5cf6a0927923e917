"""What `explain` says about one person or one row, as data: keys, counts, dates and names only, never a value.

Moments are naive UTC, days are local.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from worker.ledger.holds import PlacedHold

LEFT_HELD, LEFT_SHARED = "left: held by itself", "left: somebody else's too"
"""States of rows that stayed when their unit was done: they are held themselves, or are somebody else's too."""


@dataclass(frozen=True)
class EventFacts:
    """An event that a clock looks at: its column, the newest sane moment, and how many of its dates cannot be true.
    `event` is None for what only the ledger remembers, since merzim itself deleted the rows."""

    event: str | None
    newest: datetime | None
    absurd: int = 0


@dataclass(frozen=True)
class SliceFacts:
    """A slice in which `units` were done. `remains`: rows of them are still there. `segment` is None without a copy.
    `changed`: rows of each table by what was done; with `others`, the slice did more units than these."""

    run: str
    batch: int
    slice: int
    done_at: datetime
    units: int
    remains: bool
    segment: str | None
    copy_until: date | None
    changed: Mapping[str, Mapping[str, int]]
    others: bool


@dataclass(frozen=True)
class Condition:
    """A hold of the policy, or a block by law (`name` None), that covers the person, by so many rows."""

    name: str | None
    basis: str
    rows: int


@dataclass(frozen=True)
class RequestFacts:
    """A request that is, or was, about the person or row."""

    id: str
    operation: str
    state: str
    received_on: date
    answer_by: date | None
    run: str | None
    outcome: str | None


@dataclass(frozen=True)
class StageFacts:
    """One stage for the person or row: its units by state, the event that set their clock, the first and the last day
    on which those that wait become due, and what they wait for where no day is known. `rows`: rows of each of the
    stage's tables by state. `stopped`: why the stage does not run at all."""

    stage: str
    unit: str
    by_person: bool
    basis: str
    term: str
    states: Mapping[str, int]
    set_by: EventFacts | None
    due_from: date | None
    due_until: date | None
    waits_for: Sequence[str]
    rows: Mapping[str, Mapping[str, int]]
    done: Sequence[SliceFacts]
    copy_basis: str
    stopped: str | None = None


@dataclass(frozen=True)
class TableFacts:
    """The person's rows of one table. `maybe`: more rows, over links that may only delay. `in_no_stage`: rows that no
    stage selects; `ignored` is the policy's reason where it leaves the whole table alone."""

    table: str
    rows: int
    maybe: int
    in_no_stage: int
    ignored: str | None


@dataclass(frozen=True)
class PersonFacts:
    """Everything about one person. `there`: whether the row of the subject's table still exists. `clock` is the newest
    event of all rows of the person."""

    key: tuple[Any, ...]
    there: bool
    today: date
    sentence: str
    same_person: Sequence[tuple[Any, ...]]
    clock: datetime | None
    events: Sequence[EventFacts]
    stages: Sequence[StageFacts]
    tables: Sequence[TableFacts]
    holds: Sequence[PlacedHold]
    conditions: Sequence[Condition]
    requests: Sequence[RequestFacts]

    @property
    def set_by(self) -> EventFacts | None:
        """The event that set the clock."""
        return next((e for e in self.events if e.newest is not None and e.newest == self.clock), None)


@dataclass(frozen=True)
class RowFacts:
    """Everything about one row. `owners` are the people it belongs to, over any link; none for a row without owner."""

    table: str
    key: tuple[Any, ...]
    sentence: str
    owners: Sequence[tuple[Any, ...]]
    stages: Sequence[StageFacts]
    holds: Sequence[PlacedHold]
    ignored: str | None
    requests: Sequence[RequestFacts]

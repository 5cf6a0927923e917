"""What one slice is about: the attempt announced before it, the units it takes of its batch, what it has selected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from worker.archive.names import new_segment_name
from worker.ledger.batches import Batch, claim_batch, write_intent
from worker.ledger.runs import Run
from worker.pipeline.claim import Claim
from worker.pipeline.originals import Before
from worker.pipeline.tools import Tools, utc_now
from worker.plan.keys import Key
from worker.plan.stages import StagePlan
from worker.plan.treatments import Carry

MORE_AT_MOST = 4  # a quarter more than asked for


class TooMany(Exception):
    """The units of a slice have more rows than one transaction should change: take fewer units."""


@dataclass(frozen=True)
class Attempt:
    """What was announced before the slice began. `installation`: in whose part of the archive its segment lies."""

    id: str
    batch: Batch
    segment: str | None
    installation: str


@dataclass(frozen=True)
class Portion:
    """The units that one slice takes of its batch, as JSON keys, and what the batch becomes after it. First all keys in
    order; then, waiting for their locks, those that somebody else had locked."""

    keys: Sequence[Any]
    cursor_after: int
    skipped_after: Sequence[Any]
    wait: bool

    @classmethod
    def of(cls, batch: Batch, size: int) -> "Portion":
        """The next units of a batch: as near to `size` as slices of like size come that take all that is left. A slice
        of a few units at the end would cost nearly as much as a whole one."""
        cursor = int(batch.cursor or 0)
        if cursor < len(batch.keys):
            left = len(batch.keys) - cursor
            nearest, fewest = (2 * left + size) // (2 * size), -(-left // (size + size // MORE_AT_MOST))
            keys = batch.keys[cursor : cursor - (-left // max(nearest, fewest))]
            return cls(keys, cursor + len(keys), batch.skipped, wait=False)
        return cls(batch.skipped[:size], cursor, batch.skipped[size:], wait=True)


@dataclass
class Work:
    """What a slice has selected and done so far: keys by table, in the order of acting. `before`: the originals that
    links are followed through, where a stage by person changes what leads to people; `next`: the slice that was
    announced with it."""

    stage: StagePlan
    claim: Claim
    run: str
    selected: dict[str, list[Key]] = field(default_factory=dict)
    carried: list[tuple[Carry, list[Key]]] = field(default_factory=list)
    before: Before | None = None
    part: bool = False
    next: Attempt | None = None

    @property
    def rows(self) -> int:
        """Rows selected so far."""
        return sum(len(k) for k in self.selected.values()) + sum(len(k) for _, k in self.carried)

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows changed by table and operation, for the entry."""
        found: dict[str, dict[str, int]] = {}
        for rule in self.stage.rules:
            if keys := self.selected.get(rule.table):
                done = "deleted" if rule.deletes else "depersonalised"
                found.setdefault(rule.table, {})[done] = len(keys)
        for step, keys in self.carried:
            if keys:
                by_table = found.setdefault(step.table, {})
                by_table["followed"] = by_table.get("followed", 0) + len(keys)
        return found


def announce(
    tools: Tools, run: Run, stages: Mapping[str, StagePlan], installation: str, number: int | None
) -> Attempt | None:
    """Step 1: commit the intent of working on the next free batch (or on that of this number); None when there is
    none."""
    with tools.database.writing() as connection:
        batch = claim_batch(connection, tools.ledger, run.id, number)
        return None if batch is None else intend(connection, tools, stages[batch.stage], installation, batch)


def intend(connection: sa.Connection, tools: Tools, stage: StagePlan, installation: str, batch: Batch) -> Attempt:
    """Write the intent of a slice of this batch; it counts when the present transaction is committed. A slice does it
    for the one after it: it is committed before that begins, and costs no transaction of its own."""
    segment = new_segment_name(installation, utc_now()) if stage.stage.archive is not None else None
    attempt = Attempt(uuid4().hex, batch, segment, installation)
    write_intent(
        connection,
        tools.ledger,
        attempt=attempt.id,
        run_id=batch.run_id,
        batch=batch.number,
        segment=segment,
        at=utc_now(),
    )
    return attempt

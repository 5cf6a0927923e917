"""One slice: one transaction, one archive segment, one ledger entry. The order below is DESIGN's "One slice, in order".

This is the module that destroys. The rule: nothing is committed unless every selected row was archived (where the
policy asks for a copy), changed, and looks done, by key. The way back: before COMMIT there is nothing to undo; after it
`merzim archive restore` puts back what the segment holds.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from worker.archive.format import JSON
from worker.archive.names import new_segment_name
from worker.archive.segment import Sealed, SegmentWriter
from worker.ledger import tombstones
from worker.ledger.batches import Batch, Entry, advance_batch, claim_batch, write_entry, write_intent
from worker.ledger.gate import hold_shared
from worker.ledger.runs import Run
from worker.ledger.tombstones import Tombstone
from worker.pipeline.applying import BEFORE, Before, carry, delete, depersonalise, remember
from worker.pipeline.brake import Brake
from worker.pipeline.claim import KEPT_QUERIES, KEYS, Claim, claim_units, moment_of
from worker.pipeline.copying import copy_rows
from worker.pipeline.outbox import queue_files
from worker.pipeline.selection import select_carried, select_rows
from worker.pipeline.tools import Broken, Tools, utc_now
from worker.plan.result import Key
from worker.plan.rows import RulePlan
from worker.plan.scene import bare, key_in, keys_named
from worker.plan.stages import StagePlan
from worker.plan.treatments import Carry, Column, carried

ROWS_LIMIT = 5_000
LOCK_TIMEOUT = "55P03"


class TooMany(Exception):
    """The units of a slice have more rows than one transaction should change: take fewer units."""


@dataclass(frozen=True)
class Attempt:
    """What was announced before the slice began."""

    id: str
    batch: Batch
    segment: str | None


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
        """The next `size` units of a batch."""
        cursor = int(batch.cursor or 0)
        if cursor < len(batch.keys):
            keys = batch.keys[cursor : cursor + size]
            return cls(keys, cursor + len(keys), batch.skipped, wait=False)
        return cls(batch.skipped[:size], cursor, batch.skipped[size:], wait=True)


@dataclass
class Work:
    """What a slice has selected and done so far: keys by table, in the order of acting."""

    stage: StagePlan
    claim: Claim
    selected: dict[str, list[Key]] = field(default_factory=dict)
    carried: list[tuple[Carry, list[Key]]] = field(default_factory=list)
    part: bool = False

    @property
    def deleted(self) -> dict[str, list[Key]]:
        """Selected keys of the tables whose rows go."""
        return {r.table: self.selected[r.table] for r in self.stage.rules if r.deletes and r.table in self.selected}

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


def announce(tools: Tools, run: Run, stages: Mapping[str, StagePlan], installation: str) -> Attempt | None:
    """Step 1: commit the intent of working on the next free batch; None when there is none."""
    with tools.database.writing() as connection:
        batch = claim_batch(connection, tools.ledger, run.id)
        if batch is None:
            return None
        copies = stages[batch.stage].stage.archive is not None
        segment = new_segment_name(installation, utc_now()) if copies else None
        attempt = Attempt(uuid4().hex, batch, segment)
        write_intent(
            connection,
            tools.ledger,
            attempt=attempt.id,
            run_id=run.id,
            batch=batch.number,
            segment=segment,
            at=utc_now(),
        )
    return attempt


def carry_out(
    connection: sa.Connection,
    tools: Tools,
    run: Run,
    stage: StagePlan,
    attempt: Attempt,
    portion: Portion,
    brake: Brake,
) -> Work | None:
    """Steps 2 to 8 but for COMMIT, which is the caller's. None: somebody else has the batch by now.

    Raises Broken, TooMany, GateShut, ArchiveError and SQLAlchemy's errors; the caller then rolls back.
    """
    batch = claim_batch(connection, tools.ledger, run.id, attempt.batch.number)
    if batch is None or (batch.slices, batch.cursor) != (attempt.batch.slices, attempt.batch.cursor):
        return None
    _pass_gate(connection, tools)
    codec = stage.scene.codec(stage.unit)
    keys = [codec.from_json(k) for k in portion.keys]
    claim = claim_units(connection, tools.database, stage, keys, portion.wait)
    work = Work(stage, claim)
    forgotten = _clocks_to_keep(connection, stage, claim)
    sealed = _archive_and_apply(connection, tools, run, work, attempt) if claim.units else None
    if claim.units:
        _nothing_crossed(connection, work, changed=True)
        brake.check(connection, work.counts())
    number = batch.slices + 1
    place = (run.id, batch.number, number)
    _write_tombstones(connection, tools, work, place)
    tombstones.write(
        connection,
        tools.ledger,
        stage.scene.codec(stage.scene.subject),
        stage.scene.memory,
        forgotten,
        place,
        utc_now(),
    )
    write_entry(connection, tools.ledger, _entry(run, stage, attempt, number, work, sealed))
    _advance(connection, tools, stage, batch, work, portion)
    return work


class GateShut(Exception):
    """Somebody is placing a hold and waits for other slices: this one has not begun."""


def _pass_gate(connection: sa.Connection, tools: Tools) -> None:
    """Step 3. Waiting in vain is the fault of no subject."""
    try:
        hold_shared(connection, tools.ledger)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_TIMEOUT:
            raise GateShut from error
        raise


def _archive_and_apply(
    connection: sa.Connection, tools: Tools, run: Run, work: Work, attempt: Attempt
) -> Sealed | None:
    writer = _writer(tools, run, work, attempt)
    try:
        first = [r for r in work.stage.rules if not r.rule.after]
        last = [r for r in work.stage.rules if r.rule.after]
        before = _select(connection, tools, work, first)
        if _may_hide_events(work):
            _nothing_crossed(connection, work, changed=False)
        _copy(connection, tools, work, writer, first)
        if not last and writer is not None:
            return _apply_while_sealing(connection, tools, run, work, attempt, first, before, writer)
        _apply(connection, tools, run, work, attempt, first, before)
        if not work.part:
            _select_more(connection, tools, work, last)
            _copy(connection, tools, work, writer, last, carried_too=False)
            _apply(connection, tools, run, work, attempt, last, before, carry_too=False)
        return _checked(work, writer.finish()) if writer is not None and work.rows else None
    finally:
        if writer is not None:
            writer.abandon()


def _apply_while_sealing(
    connection: sa.Connection,
    tools: Tools,
    run: Run,
    work: Work,
    attempt: Attempt,
    rules: Sequence[RulePlan],
    before: Before | None,
    writer: SegmentWriter,
) -> Sealed | None:
    """The segment is sealed, made durable and read back by another thread while the rows change here."""
    if not work.rows:
        return None
    with ThreadPoolExecutor(1) as thread:
        sealing: Future[Sealed] = thread.submit(writer.finish)
        _apply(connection, tools, run, work, attempt, rules, before)
        return _checked(work, sealing.result())


def _writer(tools: Tools, run: Run, work: Work, attempt: Attempt) -> SegmentWriter | None:
    archive = work.stage.stage.archive
    if archive is None or attempt.segment is None:
        return None
    if tools.spool is None or not tools.recipients:
        raise Broken("The policy asks for a copy, and no spool or archive recipient is set; see `merzim check`.")
    header: dict[str, JSON] = {
        "run": run.id,
        "batch": attempt.batch.number,
        "attempt": attempt.id,
        "stage": work.stage.qualified,
        "database": tools.database.dialect,
        "until": archive.term.kept_until(run.local_date).isoformat(),
        "units": [work.stage.scene.codec(work.stage.unit).to_json(k) for k in work.claim.units],
    }
    return SegmentWriter(tools.spool, attempt.segment, header, tools.recipients)


def _select(connection: sa.Connection, tools: Tools, work: Work, rules: Sequence[RulePlan]) -> Before | None:
    """Select and lock all rows before anything changes; then what must follow the subject's joined columns."""
    _select_more(connection, tools, work, rules)
    stage = work.stage
    changing = _joined_columns(stage) if stage.scene.policy.subject.table in work.selected else {}
    if not stage.by_person:
        return None
    before = remember(connection, tools.database, stage, work.claim, changing)
    for step in carried(stage.scene.policy, stage.scene.links, changing):
        if stage.rule_of(step.table) is None:
            work.carried.append(
                (step, select_carried(connection, tools.database, stage, step, work.claim, before.table))
            )
    return before


def _joined_columns(stage: StagePlan) -> dict[str, Column]:
    """The subject's columns that this stage replaces and that something joins."""
    rule = stage.rule_of(stage.scene.policy.subject.table)
    if rule is None or rule.deletes:
        return {}
    return {c.name: c for c in rule.columns if c.name in stage.people.columns and c.bound.strategy.unique}


def _select_more(connection: sa.Connection, tools: Tools, work: Work, rules: Sequence[RulePlan]) -> None:
    for rule in rules:
        budget = ROWS_LIMIT - work.rows
        keys = select_rows(connection, tools.database, work.stage, rule, work.claim, work.deleted, budget)
        work.selected[rule.table] = keys[:budget]
        if len(keys) > budget:
            if len(work.claim.units) > 1:
                raise TooMany
            # One person with very many rows goes in several slices: children first, the person's own row last.
            work.part = True
            return


def _copy(
    connection: sa.Connection,
    tools: Tools,
    work: Work,
    writer: SegmentWriter | None,
    rules: Sequence[RulePlan],
    carried_too: bool = True,
) -> None:
    if writer is None:
        return
    for rule in rules:
        keys = work.selected.get(rule.table, [])
        copy_rows(connection, tools.database, writer, rule.facts, rule.rule.operation, keys)
    for step, keys in work.carried if carried_too else []:
        facts = work.stage.scene.schema.tables[step.table]
        copy_rows(connection, tools.database, writer, facts, "depersonalise", keys)


def _apply(
    connection: sa.Connection,
    tools: Tools,
    run: Run,
    work: Work,
    attempt: Attempt,
    rules: Sequence[RulePlan],
    before: Before | None,
    carry_too: bool = True,
) -> None:
    for rule in rules:
        keys = work.selected.get(rule.table, [])
        if not keys:
            continue
        queue_files(connection, tools, rule, keys, (run.id, attempt.batch.number, attempt.batch.slices + 1))
        if rule.deletes:
            delete(connection, rule, keys)
        else:
            depersonalise(connection, tools.database, work.stage, rule, keys, before)
    for step, keys in work.carried if carry_too and before is not None else []:
        if keys and before is not None:
            facts = work.stage.scene.schema.tables[step.table]
            carry(connection, step, facts.table, facts.key, keys, before)


def _checked(work: Work, sealed: Sealed) -> Sealed:
    """Selected = archived, table by table."""
    selected: dict[str, int] = {}
    pairs = [*work.selected.items(), *((s.table, k) for s, k in work.carried)]
    for table, keys in pairs:
        if keys:
            name = table.rpartition(".")[2]
            selected[name] = selected.get(name, 0) + len(keys)
    if selected != sealed.rows:
        raise Broken(
            "The archive segment does not hold exactly the rows that were selected: the slice was rolled back."
        )
    return sealed


def _nothing_crossed(connection: sa.Connection, work: Work, changed: bool) -> None:
    """Step 7: an event or a hold that came about since the claim, over a link that no lock can stop. Looked for before
    anything is `changed`, and once more before COMMIT."""
    stage = work.stage
    if connection.dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE: nobody else can have written
    remembered = stage.by_person and changed
    known = list(work.claim.relied_on if remembered else {*work.claim.people, *work.claim.relied_on})
    crossed = remembered and connection.execute(_crossed_query(stage, remembered=True)).first() is not None
    if known and not crossed:
        query = _crossed_query(stage, remembered=False)
        crossed = connection.execute(query, {"keys": bare(known)}).first() is not None
    if crossed:
        raise Crossed(
            f"Somebody in stage {stage.name} became active or held while the slice was open: it was rolled back."
        )


def _may_hide_events(work: Work) -> bool:
    """Whether, of what was selected and locked after the claim, events or holds may not be found before COMMIT any
    more: deleted, or leading to the person's new value. The units themselves were locked before the predicate."""
    scene, stage = work.stage.scene, work.stage
    telling = {m.table for m in stage.people.moments} | {h.exists for h in scene.policy.holds.values()}
    between = {step.source for table in telling for path in scene.links.to_people(table) for step in path.steps}
    selected = {r.table for r in stage.rules} | {step.table for step, _ in work.carried}
    return not selected.isdisjoint((telling | between) - {stage.unit, scene.subject})


@lru_cache(maxsize=KEPT_QUERIES)
def _crossed_query(stage: StagePlan, remembered: bool) -> sa.Select[Any]:
    """Asks about the people of the temporary copy, whose joined columns are the originals, or about given keys."""
    people, scene = stage.people, stage.scene
    if not remembered:
        those = people.those(lambda row: key_in(scene.key(scene.subject, row), KEYS))
        return people.crossed(those, stage.person_cutoff)
    table = scene.schema.tables[scene.subject].table
    columns = [sa.Column(c, table.c[c].type) for c in people.columns]
    return people.crossed(sa.Table(BEFORE, sa.MetaData(), *columns, schema="pg_temp"), stage.person_cutoff)


class Crossed(Broken):
    """A person became active or held between the claim and COMMIT; the next attempt leaves them out."""


def _clocks_to_keep(connection: sa.Connection, stage: StagePlan, claim: Claim) -> list[Tombstone]:
    """The owners' clocks, where a stage by rows deletes events of the clock: a longer term still counts from them."""
    clock_tables = {m.table for m in stage.people.moments}
    if stage.by_person or not claim.people or not any(r.deletes and r.table in clock_tables for r in stage.rules):
        return []
    found = connection.execute(_clocks_query(stage), {"keys": bare(claim.people)})
    return [Tombstone(tuple(row[:-1]), moment_of(row[-1]), remains=False) for row in found]


@lru_cache(maxsize=KEPT_QUERIES)
def _clocks_query(stage: StagePlan) -> sa.Select[Any]:
    scene, people = stage.scene, stage.people
    return people.clocks(people.those(lambda row: key_in(scene.key(scene.subject, row), KEYS)), stage.person_cutoff)


def _write_tombstones(connection: sa.Connection, tools: Tools, work: Work, place: tuple[str, int, int]) -> None:
    stage, claim = work.stage, work.claim
    if not claim.units or (stage.unit_is_deleted and not stage.by_person):
        return
    waiting = _waiting(connection, work)
    stones = [Tombstone(k, claim.clocks.get(k), work.part or k in waiting) for k in claim.units]
    tombstones.write(connection, tools.ledger, stage.scene.codec(stage.unit), stage.qualified, stones, place, utc_now())


def _waiting(connection: sa.Connection, work: Work) -> set[Key]:
    """Units of which rows remain undone."""
    stage = work.stage
    parameters = {f"changed_{i}": bare(work.selected.get(r.table, [])) for i, r in enumerate(stage.rules)}
    query = _waiting_query(stage)
    return {tuple(r) for r in connection.execute(query, {"keys": bare(work.claim.units), **parameters})}


@lru_cache(maxsize=KEPT_QUERIES)
def _waiting_query(stage: StagePlan) -> sa.Select[Any]:
    names = {rule.table: keys_named(f"changed_{i}") for i, rule in enumerate(stage.rules)}
    unit = stage.units()
    columns = stage.scene.key(stage.unit, unit)
    return sa.select(*columns).select_from(unit).where(key_in(columns, KEYS), stage.waiting(unit, names))


def _entry(run: Run, stage: StagePlan, attempt: Attempt, number: int, work: Work, sealed: Sealed | None) -> Entry:
    archive = stage.stage.archive
    return Entry(
        attempt=attempt.id,
        run_id=run.id,
        batch=attempt.batch.number,
        slice=number,
        kind="slice",
        stage=stage.name,
        counts={"units": len(work.claim.units), "tables": work.counts()},
        committed_at=utc_now(),
        segment=sealed.name if sealed else None,
        sha256=sealed.sha256 if sealed else None,
        size=sealed.bytes if sealed else None,
        archive_until=archive.term.kept_until(run.local_date) if sealed and archive else None,
        part=work.part,
    )


def _advance(
    connection: sa.Connection, tools: Tools, stage: StagePlan, batch: Batch, work: Work, portion: Portion
) -> None:
    """Move the batch on, unless only a part of a heavy person was done."""
    cursor, skipped = portion.cursor_after, list(portion.skipped_after)
    if work.part:
        cursor, skipped = int(batch.cursor or 0), list(batch.skipped)
    elif not portion.wait:
        codec = stage.scene.codec(stage.unit)
        skipped += [codec.to_json(k) for k in work.claim.locked_elsewhere]
    done = cursor >= len(batch.keys) and not skipped
    advance_batch(
        connection,
        tools.ledger,
        batch,
        cursor=str(cursor),
        slices=batch.slices + 1,
        skipped=skipped,
        state="done" if done else "open",
    )

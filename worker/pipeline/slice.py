"""One slice: one transaction, one archive segment, one ledger entry. The order below is DESIGN's "One slice, in order".

This is the module that destroys. The rule: nothing is committed unless every selected row was archived (where the
policy asks for a copy), changed, and looks done, by key. The way back: before COMMIT there is nothing to undo; after it
`merzim archive restore` puts back what the segment holds.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from config.catalogue import text
from worker.archive.format import JSON
from worker.archive.segment import Sealed, SegmentWriter
from worker.ledger.batches import Batch, Entry, advance_batch, claim_batch, write_entry
from worker.ledger.gate import hold_shared
from worker.ledger.pauses import in_force
from worker.ledger.runs import Run
from worker.pipeline.applying import carry, delete, depersonalise
from worker.pipeline.attempt import Attempt, Portion, Work, intend
from worker.pipeline.brake import Brake
from worker.pipeline.claim import claim_units
from worker.pipeline.copying import copy_rows
from worker.pipeline.gathering import gather_first, gather_last
from worker.pipeline.outbox import queue_files
from worker.pipeline.remembering import clocks_to_keep, write_tombstones
from worker.pipeline.tools import Broken, Tools, utc_now
from worker.pipeline.verifying import check_archived, check_nothing_crossed, may_hide_events
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan

LOCK_TIMEOUT = "55P03"


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

    Raises Broken, TooMany, GateShut, Paused, ArchiveError and SQLAlchemy's errors; the caller then rolls back.
    """
    batch = claim_batch(connection, tools.ledger, run.id, attempt.batch.number)
    if batch is None or (batch.slices, batch.cursor) != (attempt.batch.slices, attempt.batch.cursor):
        return None
    _pass_gate(connection, tools)
    codec = stage.scene.codec(stage.unit)
    keys = [codec.from_json(k) for k in portion.keys]
    claim = claim_units(connection, tools.database, stage, keys, portion.wait)
    work = Work(stage, claim, run.id)
    forgotten = clocks_to_keep(connection, stage, claim)
    with ThreadPoolExecutor(1) as thread:
        sealing = _archive_and_apply(connection, tools, run, work, attempt, thread) if claim.units else None
        if claim.units:
            brake.check(connection, work.counts())
        number = batch.slices + 1
        write_tombstones(connection, tools, work, forgotten, (run.id, batch.number, number))
        after = _advance(connection, tools, stage, batch, work, portion)
        if after.state == "open":
            work.next = intend(connection, tools, stage, attempt.installation, after)
        sealed = check_archived(work, sealing.result()) if sealing is not None else None
    write_entry(connection, tools.ledger, _entry(run, stage, attempt, number, work, sealed))
    if claim.units:  # the very last: what no lock can stop may come until COMMIT, and only after this unseen
        check_nothing_crossed(connection, work, changed=True)
    return work


class GateShut(Exception):
    """Somebody is placing a hold and waits for other slices: this one has not begun."""


class Paused(Exception):
    """Somebody has paused all work: this slice has not begun."""


def _pass_gate(connection: sa.Connection, tools: Tools) -> None:
    """Step 3. Waiting in vain is the fault of no subject. A pause is placed under the gate, like a hold."""
    try:
        hold_shared(connection, tools.ledger)
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_TIMEOUT:
            raise GateShut from error
        raise
    pause = in_force(connection, tools.ledger)
    if pause is not None:
        moment = f"{pause.paused_at:%Y-%m-%d %H:%M}"
        raise Paused(text("halt.paused", author=pause.author, moment=moment, reason=pause.reason))


def _archive_and_apply(
    connection: sa.Connection, tools: Tools, run: Run, work: Work, attempt: Attempt, thread: ThreadPoolExecutor
) -> Future[Sealed] | None:
    """Steps 6 and 7. The segment is sealed, made durable and read back by the thread while rows change here; if it
    fails, so does whoever asks for what it became. None: there is no copy."""
    writer, sealing = _writer(tools, run, work, attempt), None
    try:
        first = [r for r in work.stage.rules if not r.rule.after]
        last = [r for r in work.stage.rules if r.rule.after]
        gather_first(connection, tools, work, first)
        if may_hide_events(work):
            check_nothing_crossed(connection, work, changed=False)
        _copy(connection, tools, work, writer, first)
        if writer is not None and work.rows and not last:
            sealing = thread.submit(writer.finish)
        _apply(connection, tools, run, work, attempt, first)
        if last and not work.part:
            gather_last(connection, tools, work, last)
            _copy(connection, tools, work, writer, last, carried_too=False)
            _apply(connection, tools, run, work, attempt, last, carry_too=False)
        if writer is not None and work.rows and last:
            sealing = thread.submit(writer.finish)
        return sealing
    finally:
        if writer is not None and sealing is None:
            writer.abandon()


def _writer(tools: Tools, run: Run, work: Work, attempt: Attempt) -> SegmentWriter | None:
    archive = work.stage.stage.archive
    if archive is None or attempt.segment is None:
        return None
    if tools.spool is None or not tools.recipients:
        raise Broken(text("broken.no_archive"))
    codec = work.stage.scene.codec(work.stage.unit)
    header: dict[str, JSON] = {
        "run": run.id,
        "batch": attempt.batch.number,
        "attempt": attempt.id,
        "stage": work.stage.qualified,
        "database": tools.database.dialect,
        "until": archive.term.kept_until(run.local_date).isoformat(),
        "units": [codec.to_json(k) for k in work.claim.units],
    }
    return SegmentWriter(tools.spool, attempt.segment, header, tools.recipients)


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
            depersonalise(connection, tools.database, work.stage, rule, keys, work.before)
    for step, keys in work.carried if carry_too else []:
        if keys and work.before is not None:
            facts = work.stage.scene.schema.tables[step.table]
            carry(connection, step, facts, keys, work.before)


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
) -> Batch:
    """Move the batch on, unless only a part of a heavy person was done."""
    cursor, skipped = portion.cursor_after, list(portion.skipped_after)
    if work.part:
        cursor, skipped = int(batch.cursor or 0), list(batch.skipped)
    elif not portion.wait:
        codec = stage.scene.codec(stage.unit)
        skipped += [codec.to_json(k) for k in work.claim.locked_elsewhere]
    done = cursor >= len(batch.keys) and not skipped
    return advance_batch(
        connection,
        tools.ledger,
        batch,
        cursor=str(cursor),
        slices=batch.slices + 1,
        skipped=skipped,
        state="done" if done else "open",
    )

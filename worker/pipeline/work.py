"""Work on a run until no batch is left: slice after slice, at the pace the database allows.

A slice that fails is halved down to the one bad subject, which is quarantined with a reason while the rest goes on.
What is wrong with the archive, the connection or the brake is not a subject's fault and ends the work.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from config.catalogue import text
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.batches import Batch, advance_batch, claim_batch, entry_exists, open_batches
from worker.ledger.errors import UnsupportedKey
from worker.ledger.runs import Run, find_run
from worker.logs import log
from worker.pipeline.attempt import Attempt, Portion, TooMany, Work, announce
from worker.pipeline.brake import Brake
from worker.pipeline.halting import Halt, Halting
from worker.pipeline.pace import Pace
from worker.pipeline.rehearsing import rehearse
from worker.pipeline.set_aside import is_subjects_fault, may_pass, quarantine, reason_of
from worker.pipeline.slice import GateShut, Paused, carry_out
from worker.pipeline.tools import Broken, Tools
from worker.pipeline.verifying import Crossed
from worker.plan.keys import Key
from worker.plan.stages import StagePlan

CROSSED_LIMIT, BAD_LIMIT = 20, 100
WAIT_SECONDS = 0.2


class TooManyBad(Exception):
    """So many subjects failed one after another that the fault is not theirs."""


@dataclass
class Progress:
    """What this process has done on the run, for whoever watches. `bad`: subjects set aside one after another."""

    slices: int = 0
    units: int = 0
    rows: int = 0
    bad: int = 0


@dataclass
class Workplace:
    """A run and all that is needed to go on with it."""

    tools: Tools
    run: Run
    policy: Policy
    schema: Schema
    stages: Mapping[str, StagePlan]
    brake: Brake
    installation: str
    halt: Halting
    progress: Progress = field(default_factory=Progress)
    watch: Callable[[Progress], None] = lambda _: None
    rehearsed: set[str] = field(default_factory=set)


def work(place: Workplace, one_batch: bool = False) -> Halt | None:
    """Carry out slices until no batch is open, or until the next free one is done (`one_batch`); why not further, if
    something halts it. Raises BrakePulled, ArchiveError, TooManyBad and SQLAlchemy's errors; nothing uncommitted is
    left behind."""
    pace, crossed, number = Pace(place.tools.lock_target_seconds), 0, None
    announced: Attempt | None = None
    while True:
        halt = place.halt()
        if halt is not None:
            return halt
        _look_at_the_database(place, pace)
        attempt = announced or announce(place.tools, place.run, place.stages, place.installation, number)
        announced = None
        if attempt is None:
            if one_batch or not _still_open(place):
                return None
            time.sleep(WAIT_SECONDS)  # another process has the last batches; wait for them to be done or to die
            continue
        number = attempt.batch.number if one_batch else None
        if attempt.batch.stage not in place.rehearsed:
            with place.tools.database.reading() as connection:
                rehearse(connection, place.stages[attempt.batch.stage])
            place.rehearsed.add(attempt.batch.stage)
        portion = Portion.of(attempt.batch, pace.units)
        begun = time.monotonic()
        try:
            done = _one_slice(place, attempt, portion)
        except GateShut:
            continue
        except Paused as paused:
            return Halt(None, str(paused))
        except TooMany:
            pace.failed(len(portion.keys))
            continue
        except Crossed as error:
            crossed += 1
            if crossed > CROSSED_LIMIT and len(portion.keys) == 1:
                _set_aside(place, attempt, portion, error)
                crossed = 0
            pace.failed(len(portion.keys))  # a shorter slice of fewer people is crossed less often
            continue
        except (Broken, DBAPIError, UnsupportedKey, UnicodeEncodeError) as error:
            if place.tools.database.is_stale(error):
                place.tools.database.engine.dispose()  # all sessions: the next slice begins a new one
                continue
            if not is_subjects_fault(error):
                raise
            log.warning(
                "slice rolled back",
                run=place.run.id,
                batch=attempt.batch.number,
                units=len(portion.keys),
                error=type(error).__name__,
            )
            if len(portion.keys) == 1 and may_pass(error) and not portion.wait:
                _postpone(place, attempt, portion)
            elif len(portion.keys) == 1:
                _set_aside(place, attempt, portion, error)
            pace.failed(len(portion.keys))
            continue
        crossed = 0
        if done is not None:
            pace.measured(time.monotonic() - begun, len(portion.keys))
            announced = done.next
            _count(place, attempt, done)


def _look_at_the_database(place: Workplace, pace: Pace) -> None:
    if not pace.time_to_look(time.monotonic()):
        return
    with place.tools.database.reading() as connection:
        ailments = place.tools.database.ailments(connection)
    if ailments and not pace.ailing:
        log.warning("the database is unwell: slices get smaller", run=place.run.id, ailments=ailments)
    pace.looked(bool(ailments))


def _one_slice(place: Workplace, attempt: Attempt, portion: Portion) -> Work | None:
    """The slice and its COMMIT. If the reply to COMMIT does not come, the ledger says whether it happened."""
    stage = place.stages[attempt.batch.stage]
    done: Work | None = None
    try:
        lock_seconds = 5.0 if portion.wait else max(1.0, 5 * place.tools.lock_target_seconds)
        with place.tools.database.writing(lock_seconds) as connection:
            done = carry_out(connection, place.tools, place.run, stage, attempt, portion, place.brake)
    except OperationalError as error:
        if done is None or not error.connection_invalidated:
            raise
        with place.tools.database.writing() as connection:
            # Only with the batch row's lock is it certain that the lost transaction has ended, one way or the other.
            claim_batch(connection, place.tools.ledger, place.run.id, attempt.batch.number)
            if not entry_exists(connection, place.tools.ledger, attempt.id):
                raise
    return done


def _postpone(place: Workplace, attempt: Attempt, portion: Portion) -> None:
    """Try the one subject once more, waiting for its locks, when the rest of the batch is done."""
    later = replace(portion, skipped_after=[*portion.skipped_after, *portion.keys])
    with place.tools.database.writing() as connection:
        batch = _claimed_again(connection, place, attempt)
        if batch is not None:
            _move_behind(connection, place.tools, batch, later)


def _set_aside(place: Workplace, attempt: Attempt, portion: Portion, error: Exception) -> None:
    """Quarantine the one subject whose slice fails, and go on behind it."""
    place.progress.bad += 1
    if place.progress.bad > BAD_LIMIT:
        raise TooManyBad(text("broken.too_many", n=place.progress.bad, error=type(error).__name__)) from error
    stage = place.stages[attempt.batch.stage]
    codec = stage.scene.codec(stage.unit)
    key: Key = codec.from_json(portion.keys[0])
    columns = codec.columns_of(key)
    with place.tools.database.writing() as connection:
        batch = _claimed_again(connection, place, attempt)
        if batch is not None:
            quarantine(connection, place.tools, place.run.id, stage, *columns, reason_of(error))
            _move_behind(connection, place.tools, batch, portion)


def _claimed_again(connection: sa.Connection, place: Workplace, attempt: Attempt) -> Batch | None:
    """The attempt's batch, locked; None if somebody else has it or has moved it on."""
    batch = claim_batch(connection, place.tools.ledger, place.run.id, attempt.batch.number)
    if batch is None or (batch.slices, batch.cursor) != (attempt.batch.slices, attempt.batch.cursor):
        return None
    return batch


def _move_behind(connection: sa.Connection, tools: Tools, batch: Batch, portion: Portion) -> None:
    done = portion.cursor_after >= len(batch.keys) and not portion.skipped_after
    advance_batch(
        connection,
        tools.ledger,
        batch,
        cursor=str(portion.cursor_after),
        slices=batch.slices,
        skipped=portion.skipped_after,
        state="done" if done else "open",
    )


def _still_open(place: Workplace) -> bool:
    """Whether batches of the run are left that others have; none are when somebody closed it."""
    tools = place.tools
    with tools.database.reading() as connection:
        run = find_run(connection, tools.ledger, place.run.id)
        return run.state == "open" and open_batches(connection, tools.ledger, run.id) > 0


def _count(place: Workplace, attempt: Attempt, done: Work) -> None:
    progress = place.progress
    progress.slices += 1
    progress.units += len(done.claim.units)
    progress.rows += done.rows
    if done.claim.units:
        progress.bad = 0
    place.watch(progress)
    log.info(
        "slice committed",
        run=place.run.id,
        batch=attempt.batch.number,
        slice=attempt.batch.slices + 1,
        stage=done.stage.name,
        units=len(done.claim.units),
        rows=done.rows,
    )

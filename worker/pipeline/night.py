"""A night: the whole story on one screen. begin (check → plan → ask → store) → carry on, slice by slice → close.

Dangerous, because carrying on destroys what was decided. The way back: `merzim archive restore`, while the copies last.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from config.catalogue import text
from config.loader import load_policy
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.batches import open_batches
from worker.ledger.errors import IllegalArrow
from worker.ledger.policies import policy_text
from worker.ledger.runs import NIGHT, Run, find_open_run, find_run
from worker.ledger.states import RunState
from worker.pipeline.beginning import Wish, begin
from worker.pipeline.brake import Brake, BrakePulled
from worker.pipeline.closing import close, end, problems_of
from worker.pipeline.halting import Halt, Halting, PolicyChanges, at, first_of
from worker.pipeline.outbox import empty_outbox
from worker.pipeline.planning import scene_of, stages_of
from worker.pipeline.strangers import require_ready
from worker.pipeline.sweep import sweep
from worker.pipeline.tools import Refused, Tools, require_ledger
from worker.pipeline.work import Progress, TooManyBad, Workplace, work
from worker.plan.check_names import tables_named
from worker.plan.scene import Scene
from worker.plan.window import Hours


@dataclass(frozen=True)
class Outcome:
    """How a run ended, or stands. `reason` says why, where it did not end well; `closed`: this process closed it."""

    run_id: str
    state: RunState
    reason: str | None
    progress: Progress
    closed: bool = False


def night(
    tools: Tools,
    policy: Policy,
    wish: Wish,
    halt: Halting = lambda: None,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Carry out the run that is wished for, or go on with the one that is open. Raises Refused before anything has
    changed."""
    require_ledger(tools)
    require_ready(tools)
    sweep(tools)
    run = _open_run(tools, policy, wish) or _begin_or_join(tools, policy, wish)
    place = workplace(tools, run, halt, watch)
    empty_outbox(tools, place.policy, place.schema)
    return carry_on(place)


def workplace(
    tools: Tools, run: Run, halt: Halting = lambda: None, watch: Callable[[Progress], None] = lambda _: None
) -> Workplace:
    """All that is needed to go on with a run, from the ledger: it keeps the policy that it was made under. `halt` may
    end the work besides what ends every run. Raises Refused when it must not go on."""
    require_ready(tools)
    policy, scene = _as_stored(tools, run)
    stages = {s.name: s for s in stages_of(scene, json.loads(run.plan)["stopped"])}
    halts = first_of(halt, _halts(tools, run, policy))
    installation, brake = require_ledger(tools), _brake(tools, run, policy)
    return Workplace(tools, run, policy, scene.schema, stages, brake, installation, halts, watch=watch)


def _halts(tools: Tools, run: Run, policy: Policy) -> Halting:
    """What ends this run early, whoever works on it: its window, and another decision about the policy."""
    halts: list[Halting] = []
    if run.kind == NIGHT:
        halts.append(at(Hours.of(policy, tools.window).bounds(run.local_date)[1], lambda: datetime.now(UTC)))
    if tools.policy_file is not None:
        halts.append(PolicyChanges(tools.policy_file, policy))
    return first_of(*halts)


def tend(tools: Tools, run: Run) -> Outcome:
    """What a run needs while perhaps nobody works on it: closed when it is over, or when nothing is left of it."""
    with tools.database.reading() as connection:
        policy = load_policy(policy_text(connection, tools.ledger, run.policy_hash), text("policy_source.run"))
        left = open_batches(connection, tools.ledger, run.id)
    halt = _halts(tools, run, policy)()
    if halt is not None and halt.state is not None:
        return _end(tools, run.id, halt.state, halt.reason, Progress())
    return carry_on(workplace(tools, run), one_batch=True) if left == 0 else Outcome(run.id, "open", None, Progress())


def empty_waiting_outbox(tools: Tools, policy: Policy) -> None:
    """Files that could not be removed when their rows went: try again, under the policy that is configured now."""
    with tools.database.reading() as connection:
        if connection.execute(sa.select(tools.ledger.outbox.c.id).limit(1)).first() is None:
            return
        schema = tools.database.schema(connection, tables_named(policy))
    empty_outbox(tools, policy, schema)


def carry_on(place: Workplace, one_batch: bool = False) -> Outcome:
    """Work on the run (or on its next free batch only), and close it behind the last batch."""
    tools, run = place.tools, place.run
    try:
        halt = work(place, one_batch)
    except BrakePulled as pulled:
        halt = Halt("stopped", str(pulled))
    except TooManyBad as bad:
        halt = Halt("failed", str(bad))
    if halt is not None and halt.state is not None:
        return _end(tools, run.id, halt.state, halt.reason, place.progress)
    with tools.database.reading() as connection:
        run = find_run(connection, tools.ledger, run.id)
        unfinished = open_batches(connection, tools.ledger, run.id) > 0
    if run.state != "open":  # another process closed it
        return Outcome(run.id, run.state, run.reason, place.progress)
    if unfinished:
        return Outcome(run.id, "open", halt.reason if halt else None, place.progress)
    sweep(tools)
    problems = problems_of(tools, run, empty_outbox(tools, place.policy, place.schema))
    state: RunState = "done_with_failures" if problems else "done"
    return _end(tools, run.id, state, " ".join(problems) or None, place.progress)


def _end(tools: Tools, run_id: str, state: RunState, reason: str | None, progress: Progress) -> Outcome:
    closed = end(tools, run_id, state, reason)
    with tools.database.reading() as connection:
        run = find_run(connection, tools.ledger, run_id)
    return Outcome(run.id, run.state, run.reason, progress, closed)


def _open_run(tools: Tools, policy: Policy, wish: Wish) -> Run | None:
    """The run that is being carried out: joined if it is of this day, else closed, since its window is over."""
    with suppress(IllegalArrow), tools.database.writing() as connection:  # another process closed it just now
        run = find_open_run(connection, tools.ledger, policy.name, wish.kind)
        if run is None:
            return None
        today = scene_of(policy, Schema(tools.database.dialect), tools.ledger, wish.now).calendar.today
        if run.local_date == today:
            return run
        close(connection, tools, run.id, "window_ended", text("run_reason.day_ended"))
    return None


def _begin_or_join(tools: Tools, policy: Policy, wish: Wish) -> Run:
    """Begin the run. Of two processes the slower one may have planned what the other has done in part by then, and is
    refused its own run: it joins the other's."""
    try:
        return begin(tools, policy, wish)
    except Refused:
        run = _open_run(tools, policy, wish)
        if run is None:
            raise
        return run


def _as_stored(tools: Tools, run: Run) -> tuple[Policy, Scene]:
    """The policy that the run was made under, from the ledger, and the schema as it is now."""
    with tools.database.reading() as connection:
        policy = load_policy(policy_text(connection, tools.ledger, run.policy_hash), text("policy_source.run"))
        schema = tools.database.schema(connection, tables_named(policy))
    plan = json.loads(run.plan)
    request, erases = plan.get("request"), plan.get("operation") == "erasure"
    return policy, scene_of(policy, schema, tools.ledger, run.now.replace(tzinfo=UTC), request, erases)


def _brake(tools: Tools, run: Run, policy: Policy) -> Brake:
    ours = {t for s in policy.stages.values() for t, rule in s.tables.items() if rule.after}
    return Brake(tools.ledger, run.id, json.loads(run.plan)["allowed"], frozenset(ours))

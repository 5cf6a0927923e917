"""A night: the whole story on one screen. check → plan → ask → store → work → close.

Dangerous, because everything below destroys what this decides. The rule: decide first and completely, store the
decision, then act on it only. The way back: `merzim archive restore`, while the copies last.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from config.loader import load_policy
from config.policy import Policy
from worker.databases.facts import Schema
from worker.ledger.batches import NewBatch, store_batches
from worker.ledger.errors import IllegalArrow
from worker.ledger.migrations import current_state
from worker.ledger.policies import policy_text, remember_stages, stages_seen, store_policy
from worker.ledger.runs import NewRun, Run, close_run, create_run, find_open_run, find_run
from worker.ledger.seal import seal_run
from worker.ledger.states import RunState
from worker.pipeline.approval import approved_before, check_not_added, reasons_to_ask, refusal
from worker.pipeline.brake import Brake, BrakePulled, allowed_rows, recent_nights
from worker.pipeline.checking import check_policy
from worker.pipeline.outbox import empty_outbox
from worker.pipeline.planning import make_plan, scene_of, stages_of
from worker.pipeline.sweep import sweep
from worker.pipeline.tools import Refused, Tools, utc_now
from worker.pipeline.work import FAILED, Progress, TooManyBad, Workplace, quarantine, work
from worker.plan.result import Plan
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan

BATCH_UNITS = 2_000


@dataclass(frozen=True)
class Wish:
    """What was asked for: `now` is aware; `approve` a fingerprint that somebody says yes to; `expect` one that the plan
    must still have."""

    now: datetime
    kind: str = "run"
    approve: str | None = None
    expect: str | None = None
    author: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `reason` says why, where it did not end well."""

    run_id: str
    state: RunState
    reason: str | None
    progress: Progress


@dataclass(frozen=True)
class Decision:
    """A plan with all it was made from, before anything is stored."""

    policy: Policy
    scene: Scene
    plan: Plan
    approved: bool = False


def night(
    tools: Tools,
    policy: Policy,
    wish: Wish,
    go_on: Callable[[], bool] = lambda: True,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Outcome:
    """Carry out tonight's run, or go on with the one that is open. Raises Refused before anything has changed."""
    installation = require_ledger(tools)
    sweep(tools)
    run = _open_run(tools, policy, wish) or _begin_or_join(tools, policy, wish)
    policy, scene = _as_stored(tools, run)
    empty_outbox(tools, policy, scene.schema)
    stages = {s.name: s for s in stages_of(scene, json.loads(run.plan)["stopped"])}
    place = Workplace(
        tools,
        run,
        stages,
        _brake(tools, run, policy),
        installation,
        still_allowed=lambda: go_on() and not _changed_since(tools, run),
        watch=watch,
    )
    return _work_and_close(tools, place, policy, scene.schema, go_on)


def require_ledger(tools: Tools) -> str:
    """The installation's id. Raises Refused unless the ledger is there and current."""
    with tools.database.reading() as connection:
        state = current_state(connection, tools.ledger.schema)
        if state != "current":
            words = {
                "absent": "is not there yet",
                "old": "is older than this merzim",
                "newer": "is newer than this merzim",
            }
            what = "install that version" if state == "newer" else "run `merzim init` as the database's owner"
            raise Refused(f"The ledger {words[state]}; {what}.")
        return str(connection.execute(sa.select(tools.ledger.installation.c.id)).scalar_one())


def _open_run(tools: Tools, policy: Policy, wish: Wish) -> Run | None:
    """The run that is being carried out: joined if it is of this day, else closed, since its window is over."""
    with suppress(IllegalArrow), tools.database.writing() as connection:  # another process closed it just now
        run = find_open_run(connection, tools.ledger, policy.name, wish.kind)
        if run is None:
            return None
        today = scene_of(policy, Schema(tools.database.dialect), tools.ledger, wish.now).calendar.today
        if run.local_date == today:
            return run
        _close(connection, tools, run, "window_ended", "Its day ended before its batches did.")
    return None


def _begin_or_join(tools: Tools, policy: Policy, wish: Wish) -> Run:
    """Begin the run. Of two processes the slower one may have planned what the other has done in part by then, and is
    refused its own run: it joins the other's."""
    try:
        return _begin(tools, policy, wish)
    except Refused:
        run = _open_run(tools, policy, wish)
        if run is None:
            raise
        return run


def _begin(tools: Tools, policy: Policy, wish: Wish) -> Run:
    """check, plan, ask, store: one transaction makes the run and all its batches, or finds that another did."""
    with tools.database.reading() as connection:
        decision = decide(connection, tools, policy, wish.now)
        if wish.expect is not None and wish.expect != decision.plan.fingerprint:
            raise Refused(
                f"The plan now is {decision.plan.fingerprint}, not {wish.expect}; look at `merzim plan` once more."
            )
        reasons = reasons_to_ask(connection, tools.ledger, policy, decision.plan)
        if wish.approve is not None:
            decision = _approved(connection, tools, decision, wish.approve)
    if reasons and not decision.approved:
        _store_refused(tools, decision, wish, refusal(decision.plan, reasons))
        raise Refused(refusal(decision.plan, reasons))
    with tools.database.writing() as connection:
        run, _ = _store(connection, tools, decision, wish)
    return run


def decide(connection: sa.Connection, tools: Tools, policy: Policy, now: datetime) -> Decision:
    """check and plan at one moment; nothing is written. Raises Refused when the policy cannot be carried out."""
    seen = stages_seen(connection, tools.ledger, policy.name)
    checked = check_policy(connection, tools.database, policy, seen, tools.files, tools.can_copy, try_queries=False)
    if checked.fatal:
        sentences = "\n".join(str(p) for p in checked.fatal)
        raise Refused(
            f"{sentences}\nThe policy cannot be carried out: {len(checked.fatal)} problems; see `merzim check`."
        )
    scene = scene_of(policy, checked.schema, tools.ledger, now)
    plan = make_plan(connection, tools.database, scene, checked.stopped)
    return Decision(policy, scene, replace(plan, unmentioned=checked.unmentioned))


def _approved(connection: sa.Connection, tools: Tools, decision: Decision, fingerprint: str) -> Decision:
    """The decision, if the fingerprint is its own; or the one that was shown and stored then, if nothing was added."""
    if fingerprint == decision.plan.fingerprint:
        return replace(decision, approved=True)
    found = approved_before(connection, tools.ledger, decision.policy, fingerprint)
    if found is None:
        raise Refused(
            f"No plan with the fingerprint {fingerprint} counts any more; the plan now is {decision.plan.fingerprint}. "
            "Look at `merzim plan` and approve that one if it is right."
        )
    stored, now = found
    then = decide(connection, tools, decision.policy, now)
    codecs = {s.name: s.scene.codec(s.unit) for s in stages_of(then.scene)}
    check_not_added(connection, tools.ledger, stored, then.plan, codecs)
    return replace(then, approved=True)


def _store_refused(tools: Tools, decision: Decision, wish: Wish, reason: str) -> None:
    """Keep the plan that was refused, so that exactly it, or less, can be approved."""
    with tools.database.writing() as connection:
        run, made = _store(connection, tools, decision, wish)
        if made:
            _close(connection, tools, run, "stopped", reason)


def _store(connection: sa.Connection, tools: Tools, decision: Decision, wish: Wish) -> tuple[Run, bool]:
    policy, plan, ledger = decision.policy, decision.plan, tools.ledger
    store_policy(connection, ledger, text=policy.text, policy_hash=policy.hash, name=policy.name, at=utc_now())
    recent = recent_nights(connection, ledger, policy.name)
    allowed = allowed_rows(plan, policy.brake, recent, decision.approved)
    run, made = create_run(
        connection,
        ledger,
        NewRun(
            policy_name=policy.name,
            policy_hash=policy.hash,
            kind=wish.kind,
            local_date=plan.local_date,
            now=plan.now.astimezone(UTC).replace(tzinfo=None),
            fingerprint=plan.fingerprint,
            plan=json.dumps({**plan.as_json(), "allowed": allowed}),
            approved=decision.approved,
            started_at=utc_now(),
        ),
    )
    if not made:
        return run, False
    remember_stages(connection, ledger, policy.name, policy.stages, utc_now())
    if decision.approved:
        connection.execute(
            ledger.approval.insert().values(
                fingerprint=wish.approve, policy_hash=policy.hash, author=wish.author, approved_at=utc_now()
            )
        )
    stages = {s.name: s for s in stages_of(decision.scene, plan.stopped)}
    store_batches(connection, ledger, run.id, list(_batches(plan, stages)))
    for outcome in plan.stages:
        stage = stages[outcome.stage]
        codec = decision.scene.codec(stage.unit)
        for key, reason in outcome.quarantine:
            quarantine(connection, tools, run.id, stage, *codec.columns_of(key), reason)
    return run, True


def _batches(plan: Plan, stages: Mapping[str, StagePlan]) -> list[NewBatch]:
    found = []
    for outcome in plan.stages:
        codec = stages[outcome.stage].scene.codec(stages[outcome.stage].unit)
        for start in range(0, len(outcome.due), BATCH_UNITS):
            keys = [codec.to_json(k) for k in outcome.due[start : start + BATCH_UNITS]]
            found.append(NewBatch(outcome.stage, keys, len(keys)))
    return found


def _as_stored(tools: Tools, run: Run) -> tuple[Policy, Scene]:
    """The policy that the run was made under, from the ledger, and the schema as it is now."""
    with tools.database.reading() as connection:
        policy = load_policy(policy_text(connection, tools.ledger, run.policy_hash), "the run's policy")
        names = [t for s in policy.stages.values() for t in s.tables]
        schema = tools.database.schema(connection, [policy.subject.table, *names])
    return policy, scene_of(policy, schema, tools.ledger, run.now.replace(tzinfo=UTC))


def _brake(tools: Tools, run: Run, policy: Policy) -> Brake:
    ours = {t for s in policy.stages.values() for t, rule in s.tables.items() if rule.after}
    return Brake(tools.ledger, run.id, json.loads(run.plan)["allowed"], frozenset(ours))


def _changed_since(tools: Tools, run: Run) -> bool:
    """Whether somebody closed the run meanwhile."""
    with tools.database.reading() as connection:
        return find_run(connection, tools.ledger, run.id).state != "open"


def _work_and_close(
    tools: Tools, place: Workplace, policy: Policy, schema: Schema, go_on: Callable[[], bool]
) -> Outcome:
    try:
        progress = work(place)
    except BrakePulled as pulled:
        return _end(tools, place, "stopped", str(pulled))
    except TooManyBad as bad:
        return _end(tools, place, "failed", str(bad))
    if not go_on():
        return Outcome(place.run.id, "open", "It was asked to stop; run it again to go on.", progress)
    sweep(tools)
    waiting = empty_outbox(tools, policy, schema)
    problems = _problems(tools, place.run, waiting)
    return _end(tools, place, "done_with_failures" if problems else "done", " ".join(problems) or None)


def _problems(tools: Tools, run: Run, files_waiting: int) -> list[str]:
    """What did not go as planned, as sentences."""
    table = tools.ledger.quarantine
    with tools.database.reading() as connection:
        failed = connection.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.run_id == run.id, table.c.reason.startswith(FAILED))
        ).scalar_one()
    plan = json.loads(run.plan)
    found = [f"The stage {s} was stopped: {why}." for s, why in plan["stopped"].items()]
    found += [f"{sentence}." for sentence in plan["unmentioned"]]
    if failed:
        found.append(f"{failed} subjects could not be changed and were set aside; see the report.")
    if files_waiting:
        found.append(f"{files_waiting} files could not be removed yet; see the report.")
    return found


def _end(tools: Tools, place: Workplace, state: RunState, reason: str | None) -> Outcome:
    """Close and seal, unless another process that worked on the same run has done so."""
    with suppress(IllegalArrow), tools.database.writing() as connection:
        _close(connection, tools, place.run, state, reason)
    with tools.database.reading() as connection:
        run = find_run(connection, tools.ledger, place.run.id)
    return Outcome(run.id, run.state, run.reason, place.progress)


def _close(connection: sa.Connection, tools: Tools, run: Run, state: RunState, reason: str | None) -> None:
    if tools.sign is None:
        raise Refused("No signing key is set, so the run could not be sealed; make one with `merzim keys`.")
    close_run(connection, tools.ledger, run.id, state, utc_now(), reason)
    seal_run(connection, tools.ledger, run.id, tools.sign, tools.key_id, utc_now())

"""How a run begins: check → plan → ask → store. Nothing of the operator's changes here.

Dangerous, because everything below destroys what this decides. The rule: decide first and completely, store the
decision, then act on it only.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import zip_longest

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from config.catalogue import text
from config.policy import Policy
from worker.ledger.batches import NewBatch, store_batches
from worker.ledger.decisions import Signer
from worker.ledger.locks import try_lock
from worker.ledger.policies import remember_stages, stages_seen, store_policy
from worker.ledger.runs import BY_HAND, HANDED_OVER, NIGHT, PURGE, NewRun, Run, create_run, find_run_of
from worker.pipeline.approval import approved_before, check_not_added, reasons_to_ask, refusal
from worker.pipeline.brake import allowed_rows, recent_nights
from worker.pipeline.checking import Checked, check_policy
from worker.pipeline.closing import close
from worker.pipeline.four_eyes import approved_by_another, decide_on_plan
from worker.pipeline.planning import make_plan, scene_of, stages_of
from worker.pipeline.rehearsing import rehearse
from worker.pipeline.set_aside import quarantine
from worker.pipeline.strangers import require_ready
from worker.pipeline.tools import Refused, Tools, utc_now
from worker.plan.check_trial import is_too_nested
from worker.plan.result import Plan, StageOutcome
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan
from worker.plan.window import Hours

LEAST_UNITS, MOST_UNITS = 100, 2_000  # of a batch
BATCHES = 16  # of a stage, if its units are enough: so that workers can share them
FOR_WORKERS = (NIGHT, HANDED_OVER, PURGE)
"""Kinds of runs that workers carry out. One that somebody began here and stopped stays as it is until they go on."""


@dataclass(frozen=True)
class Wish:
    """What was asked for: `now` is aware; `approve` a fingerprint that `signer` says yes to; `expect` one that the plan
    must still have. `night` is the date of the night that it is, and None where a person asks."""

    now: datetime
    kind: str = BY_HAND
    approve: str | None = None
    expect: str | None = None
    signer: Signer | None = None
    night: date | None = None


@dataclass(frozen=True)
class Decision:
    """A plan with all it was made from, before anything is stored."""

    policy: Policy
    scene: Scene
    plan: Plan
    approved: bool = False


def tonight(tools: Tools, policy: Policy, hours: Hours, now: datetime) -> Run | None:
    """Make tonight's run, if the window is open and no night of its date was made before, whatever became of that one.

    None: there is nothing to make, or another process is planning it. Raises Refused when the plan must be approved
    (it is stored then, and nobody asks a second time in this night) or cannot be made.
    """
    night = hours.night(now)
    if night is None:
        return None
    wish = Wish(now, NIGHT, night=night)
    require_ready(tools)
    with tools.database.reading() as connection:
        # Two beats, or the sweep while a long plan is being made: one plans, the others need not.
        if not try_lock(connection, tools.ledger, f"plan {policy.name} {night}"):
            return None
        if find_run_of(connection, tools.ledger, policy.name, NIGHT, night) is not None:
            return None
        decision, refused = _ask(connection, tools, policy, wish)
    return _store_or_refuse(tools, decision, wish, refused)


def begin(tools: Tools, policy: Policy, wish: Wish) -> Run:
    """check, plan, ask, store: one transaction makes the run and all its batches, or finds that another did.
    Raises Refused before anything has changed."""
    require_ready(tools)
    with tools.database.reading() as connection:
        decision, refused = _ask(connection, tools, policy, wish)
    return _store_or_refuse(tools, decision, wish, refused)


def _ask(connection: sa.Connection, tools: Tools, policy: Policy, wish: Wish) -> tuple[Decision, str | None]:
    """The decision, and why it must not be carried out as things stand."""
    decision = decide(connection, tools, policy, wish.now)
    if wish.expect is not None and wish.expect != decision.plan.fingerprint:
        raise Refused(text("refuses.other_plan", fingerprint=decision.plan.fingerprint, expected=wish.expect))
    try:
        asking = reasons_to_ask(connection, tools.ledger, policy, decision.plan)
    except Refused as refused:
        return decision, str(refused)
    if wish.approve is not None:
        if wish.signer is None:
            raise Refused(text("identity.no_key"))
        decision = _approved(connection, tools, decision, wish.approve)
        if asking.two and not approved_by_another(connection, tools, wish.approve, wish.signer):
            names = {"fingerprint": wish.approve, "name": wish.signer.name}
            return replace(decision, approved=False), text("ask.another", **names)
    return decision, refusal(decision.plan, asking.reasons) if asking.reasons and not decision.approved else None


def _store_or_refuse(tools: Tools, decision: Decision, wish: Wish, refused: str | None) -> Run:
    """The stored run. A plan that is refused is kept too, closed: exactly it, or less, can be approved then, and a
    night is not planned again every minute."""
    with tools.database.writing() as connection:
        run, made = _store(connection, tools, decision, wish)
        if made and wish.approve is not None and wish.signer is not None:
            decide_on_plan(connection, tools, wish.approve, wish.signer)
        if made and refused is not None:
            close(connection, tools, run.id, "stopped", refused)
    if refused is not None:
        raise Refused(refused)
    return run


def decide(connection: sa.Connection, tools: Tools, policy: Policy, now: datetime) -> Decision:
    """check and plan at one moment; nothing is written. Raises Refused when the policy cannot be carried out."""
    scene, checked = look(connection, tools, policy, now)
    try:
        plan = make_plan(connection, tools.database, scene, checked.stopped)
        if scene.dialect == "sqlite":  # whose parser may take what a plan asks, and not what a slice asks
            for stage in stages_of(scene, checked.stopped):
                rehearse(connection, stage)
    except OperationalError as error:
        if is_too_nested(str(error.orig)):
            raise Refused(text("foreign.too_nested")) from None
        raise
    return Decision(policy, scene, replace(plan, unmentioned=checked.unmentioned))


def look(connection: sa.Connection, tools: Tools, policy: Policy, now: datetime) -> tuple[Scene, Checked]:
    """check, and what every query looks at. Raises Refused when the policy cannot be carried out."""
    checked = checked_for_run(connection, tools, policy)
    return scene_of(policy, checked.schema, tools.ledger, now), checked


def checked_for_run(connection: sa.Connection, tools: Tools, policy: Policy) -> Checked:
    """The policy against the live schema. Raises Refused when it cannot be carried out."""
    seen = stages_seen(connection, tools.ledger, policy.name)
    checked = check_policy(connection, tools.database, policy, seen, tools.files, tools.can_copy, try_queries=False)
    if checked.fatal:
        problems = "\n".join(str(p) for p in checked.fatal)
        raise Refused(text("refuses.policy", n=len(checked.fatal), problems=problems))
    return checked


def _approved(connection: sa.Connection, tools: Tools, decision: Decision, fingerprint: str) -> Decision:
    """The decision, if the fingerprint is its own; or the one that was shown and stored then, if nothing was added."""
    if fingerprint == decision.plan.fingerprint:
        return replace(decision, approved=True)
    found = approved_before(connection, tools.ledger, decision.policy, fingerprint)
    if found is None:
        raise Refused(text("refuses.no_such_plan", approved=fingerprint, fingerprint=decision.plan.fingerprint))
    stored, now = found
    then = decide(connection, tools, decision.policy, now)
    codecs = {s.name: s.scene.codec(s.unit) for s in stages_of(then.scene)}
    check_not_added(connection, tools.ledger, stored, then.plan, codecs)
    return replace(then, approved=True)


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
            local_date=wish.night or plan.local_date,
            now=plan.now.astimezone(UTC).replace(tzinfo=None),
            fingerprint=plan.fingerprint,
            plan=json.dumps({**plan.as_json(), "allowed": allowed}),
            approved=decision.approved,
            started_at=utc_now(),
        ),
        once=wish.night is not None,
    )
    if not made:
        return run, False
    remember_stages(connection, ledger, policy.name, policy.stages, utc_now())
    if decision.approved:
        connection.execute(
            ledger.approval.insert().values(
                fingerprint=wish.approve,
                policy_hash=policy.hash,
                author=wish.signer.name if wish.signer else "",
                approved_at=utc_now(),
            )
        )
    stages = {s.name: s for s in stages_of(decision.scene, plan.stopped)}
    store_batches(connection, ledger, run.id, batches_of(plan, stages))
    for outcome in plan.stages:
        stage = stages[outcome.stage]
        codec = decision.scene.codec(stage.unit)
        for key, reason in outcome.quarantine:
            quarantine(connection, tools, run.id, stage, *codec.columns_of(key), reason)
    return run, True


def batches_of(plan: Plan, stages: Mapping[str, StagePlan]) -> Iterator[NewBatch]:
    """The plan's due keys in portions that workers can share: the longest overdue first, and the stages by turns, so
    that no stage waits for another one night after night when windows are short."""
    by_stage = [_portions(outcome, stages[outcome.stage]) for outcome in plan.stages]
    return (batch for turn in zip_longest(*by_stage) for batch in turn if batch is not None)


def _portions(outcome: StageOutcome, stage: StagePlan) -> Iterator[NewBatch]:
    codec = stage.scene.codec(stage.unit)
    size = min(MOST_UNITS, max(LEAST_UNITS, -(-len(outcome.due) // BATCHES)))
    for start in range(0, len(outcome.due), size):
        # In key order within a batch: rows that lie together are read and changed together.
        keys = [codec.to_json(k) for k in sorted(outcome.due[start : start + size])]
        yield NewBatch(outcome.stage, keys, len(keys))

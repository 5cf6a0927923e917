"""A purge: the night's work for those whom one request names. request → plan → approval by another → the same slices.

Dangerous like the night, and more: an erasure goes under the floor (promise 5), for exactly the people whom the
request names in the ledger, and only while it is approved. Holds and blocks stand above it. The rule: what is carried
out is the plan that was approved, to the last key, or nothing. The way back: `merzim archive restore`, while the copies
last.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from worker.ledger.batches import store_batches
from worker.ledger.errors import IllegalArrow
from worker.ledger.requests import Request, approved_waiting, find_request, move
from worker.ledger.runs import PURGE, NewRun, Run, create_run, open_runs
from worker.ledger.states import REQUEST_ARROWS, check_arrow
from worker.pipeline.beginning import batches_of, checked_for_run
from worker.pipeline.brake import allowed_rows, zero_limits
from worker.pipeline.four_eyes import check_approved
from worker.pipeline.halting import Halting
from worker.pipeline.keeping import Kept, Refusal, kept_rows, refusals
from worker.pipeline.night import Outcome, carry_on, workplace
from worker.pipeline.planning import make_plan, scene_of, stages_of
from worker.pipeline.strangers import require_ready
from worker.pipeline.tools import Refused, Tools, require_ledger, utc_now
from worker.pipeline.work import Progress
from worker.plan.fingerprint import fingerprint
from worker.plan.result import Plan
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan

ERASURE = "erasure"


@dataclass(frozen=True)
class PurgePlan:
    """What carrying out a request would do, what would stay and why, and why it must not be carried out at all."""

    plan: Plan
    scene: Scene
    kept: tuple[Kept, ...]
    refusals: tuple[Refusal, ...]


def plan_purge(
    connection: sa.Connection, tools: Tools, policy: Policy, request: str, operation: str, now: datetime
) -> PurgePlan:
    """The plan for the people whom the request names, whose rows in the ledger may be of this very transaction.
    `operation`: due or erasure; `now` is aware. Reads only. Raises Refused when the policy cannot be carried out."""
    checked = checked_for_run(connection, tools, policy)
    scene = scene_of(policy, checked.schema, tools.ledger, now, request, erases=operation == ERASURE)
    others = {s.name: "" for s in policy.stages.values() if not _takes(scene, s.name)}
    plan = make_plan(connection, tools.database, scene, {**checked.stopped, **others})
    plan = replace(plan, stopped={n: why for n, why in checked.stopped.items() if n not in others})
    plan = replace(plan, fingerprint=fingerprint(plan, scene.schema))
    return PurgePlan(plan, scene, kept_rows(connection, scene, plan), refusals(connection, scene))


def _takes(scene: Scene, stage: str) -> bool:
    """Whether the purge acts on the stage. An erasure leaves alone what a norm keeps, and what waits for other stages'
    end: proofs such as consents go when the data that they are about are gone."""
    rule = scene.policy.stages[stage]
    return not scene.erases or not (rule.is_normative or rule.origin.done)


def begin_purge(tools: Tools, policy: Policy, request_id: str) -> Run:
    """Store the run of an approved request; one transaction makes the run and moves the request. Raises Refused, and
    voids the approval, when the plan is not the approved one any more; raises IllegalArrow when it is not approved, or
    when somebody else begins or cancels it meanwhile."""
    require_ready(tools)
    with tools.database.reading() as connection:
        request = find_request(connection, tools.ledger, request_id)
        shown = json.loads(request.plan)
        now = datetime.fromisoformat(shown["now"])
        found = plan_purge(connection, tools, policy, request.id, request.operation, now)
        reason = _void(connection, tools, policy, request, found)
    with tools.database.writing() as connection:
        if reason is not None:
            before = move(connection, tools.ledger, request.id, "void", ended_at=utc_now(), outcome=reason)
            check_arrow(REQUEST_ARROWS, "request", before.state, "running")  # else it is not ours any more to void
        else:
            run = _store(connection, tools, policy, request, found)
    if reason is not None:
        raise Refused(reason)
    return run


def _void(connection: sa.Connection, tools: Tools, policy: Policy, request: Request, found: PurgePlan) -> str | None:
    """Why the approval counts no more. It is looked at once more who gave it: the ledger is only a table."""
    try:
        check_approved(connection, tools, request)
    except Refused as refused:
        return str(refused)
    if found.refusals:
        return text("purging.held", request=request.id, reasons=" ".join(r.sentence for r in found.refusals))
    if found.plan.fingerprint != request.fingerprint:
        plans = {"approved": request.fingerprint, "fingerprint": found.plan.fingerprint}
        return text("purging.void", request=request.id, **plans)
    if _rows_due(json.loads(request.plan)) != _rows_due(found.plan.as_json()):
        return text("purging.void_rows", request=request.id)
    zeros = zero_limits(found.plan, policy.brake)
    return " ".join(zeros) or None


def _rows_due(plan: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """How many rows of each table go with the people: a fingerprint names only the people themselves."""
    return [(t["stage"], t["table"], t["due"]) for t in plan["tables"] if t["due"]]


def _store(connection: sa.Connection, tools: Tools, policy: Policy, request: Request, found: PurgePlan) -> Run:
    plan = found.plan
    stored = {**plan.as_json(), "allowed": allowed_rows(plan, policy.brake, (), approved=True)}
    run, _ = create_run(
        connection,
        tools.ledger,
        NewRun(
            policy_name=policy.name,
            policy_hash=policy.hash,
            kind=PURGE,
            local_date=found.scene.calendar.today,
            now=plan.now.astimezone(UTC).replace(tzinfo=None),
            fingerprint=plan.fingerprint,
            plan=json.dumps({**stored, "request": request.id, "operation": request.operation}),
            approved=True,
            started_at=utc_now(),
        ),
    )
    store_batches(connection, tools.ledger, run.id, batches_of(plan, _by_name(found.scene)))
    move(connection, tools.ledger, request.id, "running", run_id=run.id)
    return run


def _by_name(scene: Scene) -> dict[str, StagePlan]:
    return {s.name: s for s in stages_of(scene)}


def begin_waiting(tools: Tools, policy: Policy) -> Iterator[Run | Refused]:
    """Begin every approved request whose cancel window has passed; a refusal is no reason not to begin the next."""
    with tools.database.reading() as connection:
        waiting = approved_waiting(connection, tools.ledger, policy.name, utc_now())
    for request in waiting:
        try:
            yield begin_purge(tools, policy, request.id)
        except Refused as refused:
            yield refused
        except IllegalArrow:
            continue  # another process has begun it, or somebody has cancelled it


def carry_out_waiting(
    tools: Tools, policy: Policy, halt: Halting = lambda: None, watch: Callable[[Progress], None] = lambda _: None
) -> Iterator[Outcome | Refused]:
    """Here and now: begin the purges that wait, and go on with every one that is open."""
    require_ledger(tools)
    yield from (one for one in begin_waiting(tools, policy) if isinstance(one, Refused))
    with tools.database.reading() as connection:
        runs = open_runs(connection, tools.ledger, policy.name, (PURGE,))
    yield from (carry_on(workplace(tools, run, halt, watch)) for run in runs)

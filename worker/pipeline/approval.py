"""When a run must be approved by its fingerprint before its first change, and what an approval allows.

An approval allows the keys it saw or fewer, at the cut-offs it saw, for VALID_DAYS; anything added makes it void.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from config.catalogue import text
from config.loader import load_policy
from config.policy import Policy
from worker.ledger.keys import KeyCodec
from worker.ledger.policies import policy_text
from worker.ledger.runs import NIGHTLY, Run
from worker.ledger.tables import Ledger
from worker.pipeline.brake import reasons_to_stop, recent_nights, zero_limits
from worker.pipeline.comparing import shorter
from worker.pipeline.tools import Refused, utc_now
from worker.plan.fingerprint import added
from worker.plan.keys import Key
from worker.plan.result import Plan

VALID_DAYS = 7
COMPLETED = ("done", "done_with_failures", "window_ended")


@dataclass(frozen=True)
class Asking:
    """Why somebody must approve a plan, as sentences; none: it may go. `two`: two people must, since the policy
    destroys sooner or more than the one before it (clause 6.5)."""

    reasons: Sequence[str] = ()
    two: bool = False


def reasons_to_ask(connection: sa.Connection, ledger: Ledger, policy: Policy, plan: Plan) -> Asking:
    """Whether somebody must approve this plan: first run, shortened terms, the brake.

    Raises Refused for a limit of 0, which no approval lifts.
    """
    zeros = zero_limits(plan, policy.brake)
    if zeros:
        raise Refused(" ".join(zeros))
    if plan.rows_due == 0:
        return Asking()
    last = _last_policy(connection, ledger, policy.name)
    changes = [] if last is None else shorter(last, policy)
    first = [text("refuses.first_run", policy=policy.name)] if last is None else []
    first += [text("ask.changed", reasons="; ".join(changes))] if changes else []
    too_much = reasons_to_stop(plan, policy.brake, recent_nights(connection, ledger, policy.name))
    return Asking([*first, *too_much], two=bool(changes))


def _last_policy(connection: sa.Connection, ledger: Ledger, name: str) -> Policy | None:
    run = ledger.run
    query = (
        sa.select(run.c.policy_hash)
        .where(run.c.policy_name == name, run.c.state.in_(COMPLETED), run.c.kind.in_(NIGHTLY))
        .order_by(run.c.started_at.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar_one_or_none()
    return (
        None if found is None else load_policy(policy_text(connection, ledger, found), text("policy_source.last_run"))
    )


def approved_before(
    connection: sa.Connection, ledger: Ledger, policy: Policy, fingerprint: str
) -> tuple[Run, datetime] | None:
    """The stopped run whose plan bore this fingerprint, with the moment it was made for; None if there is none that
    still counts."""
    run = ledger.run
    since = utc_now() - timedelta(days=VALID_DAYS)
    row = (
        connection.execute(
            run.select()
            .where(
                run.c.fingerprint == fingerprint,
                run.c.policy_hash == policy.hash,
                run.c.state == "stopped",
                run.c.started_at > since,
            )
            .order_by(run.c.started_at.desc())
            .limit(1)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    stored = Run(**row)
    return stored, stored.now.replace(tzinfo=UTC)


def check_not_added(
    connection: sa.Connection, ledger: Ledger, run: Run, plan: Plan, codecs: Mapping[str, KeyCodec]
) -> None:
    """Raise Refused if the plan now holds anything that the stored plan did not."""
    batch = ledger.batch
    rows = connection.execute(sa.select(batch.c.stage, batch.c["keys"]).where(batch.c.run_id == run.id))
    approved: dict[str, set[Key]] = {}
    for stage, keys in rows:
        approved.setdefault(stage, set()).update(codecs[stage].from_json(k) for k in json.loads(keys))
    extra = {s.stage: len(added(s, approved.get(s.stage, ()))) for s in plan.stages}
    if any(extra.values()):
        more = ", ".join(text("refuses.added_in", n=n, count=str(n), stage=stage) for stage, n in extra.items() if n)
        raise Refused(text("refuses.void", approved=run.fingerprint, added=more, fingerprint=plan.fingerprint))


def refusal(plan: Plan, reasons: Sequence[str]) -> str:
    """What to tell whoever started the run."""
    return text("refuses.unapproved", reasons=" ".join(reasons), fingerprint=plan.fingerprint)

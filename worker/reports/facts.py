"""What a run did, from the ledger alone: built again at any time, it is the same."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.catalogue import text
from config.loader import load_policy
from config.policy import Policy
from worker.ledger.errors import LedgerError
from worker.ledger.policies import policy_text
from worker.ledger.runs import find_run
from worker.ledger.tables import Ledger
from worker.plan.scene import by_person
from worker.reports.answers import answers_due
from worker.reports.reckoning import segment_facts, stage_facts, table_facts
from worker.reports.records import read_records
from worker.reports.shapes import Limits, People, RunFacts, StageFacts
from worker.reports.watched import ending_soon, to_review


class WrongPolicy(LedgerError):
    """Terms and bases of another policy than the run's would be printed."""


def policy_of(connection: sa.Connection, ledger: Ledger, run_id: str) -> Policy:
    """The policy that the run was carried out under, from its text in the ledger.

    Raises LedgerError when run or policy are not there, PolicyProblems when this version cannot read the text.
    """
    run = find_run(connection, ledger, run_id)
    return load_policy(policy_text(connection, ledger, run.policy_hash), f"{run.policy_name}.yaml")


def run_facts(connection: sa.Connection, ledger: Ledger, policy: Policy, run_id: str) -> RunFacts:
    """The facts of a run, open or closed; reads only. `policy` is the one it was carried out under (`policy_of`).

    Raises LedgerError when there is no such run, WrongPolicy when `policy` is another one than the run's.
    """
    records = read_records(connection, ledger, run_id)
    run = records.run
    if policy.hash != run.policy_hash:
        hashes = {"hash": run.policy_hash[:12], "given": policy.hash[:12]}
        raise WrongPolicy(text("ledger_refuses.other_policy", run=run.id, **hashes))
    stages = stage_facts(records, policy)
    return RunFacts(
        id=run.id,
        kind=run.kind,
        policy=run.policy_name,
        policy_hash=run.policy_hash,
        operator=policy.operator,
        timezone=policy.timezone,
        installation=records.installation,
        local_date=run.local_date,
        slot=run.slot,
        now=run.now,
        state=run.state,
        reason=run.reason,
        fingerprint=run.fingerprint,
        approved=run.approved,
        approval=records.approval,
        started_at=run.started_at,
        ended_at=run.ended_at,
        people=_people(policy, stages),
        stages=stages,
        tables=table_facts(records, policy),
        segments=segment_facts(records.entries),
        quarantined_keys=records.quarantined_keys,
        quarantined_total=_quarantined_units(stages),
        holds=records.holds,
        holds_ending=tuple(ending_soon(records.holds, records.last_known)),
        holds_to_review=tuple(to_review(records.holds, records.last_known, policy)),
        review_term=None if policy.review.holds is None else str(policy.review.holds),
        blocked=records.plan.get("blocked"),
        files_waiting=records.files_waiting,
        batches=len(records.batches),
        batches_open=sum(b.open for b in records.batches),
        keys_skipped=sum(b.skipped for b in records.batches),
        limits=_limits(policy),
        hold_bases={name: hold.basis for name, hold in policy.holds.items()},
        seal=records.seal,
        answers=answers_due(connection, ledger, _local_date(policy, records.last_known), records.last_known),
    )


def _local_date(policy: Policy, utc: datetime) -> date:
    return utc.replace(tzinfo=UTC).astimezone(ZoneInfo(policy.timezone)).date()


def counts(facts: RunFacts) -> dict[str, int]:
    """The run in five numbers, all of them rows. Rows that only followed an identifier were archived, but are not
    depersonalised by that, so `archived` may be more than the first two together."""
    return {
        "depersonalised": sum(t.depersonalised for t in facts.tables),
        "deleted": sum(t.deleted for t in facts.tables),
        "archived": sum(t.archived for t in facts.tables),
        "held": sum(n for t in facts.tables for n in t.held.values()),
        "quarantined": sum(n for t in facts.tables for n in t.quarantined.values())
        + sum(n for s in facts.stages for n in s.failed.values()),
    }


def _people(policy: Policy, stages: tuple[StageFacts, ...]) -> People | None:
    first = next((name for name, stage in policy.stages.items() if by_person(stage.origin)), None)
    stage = next((s for s in stages if s.stage == first and s.stopped is None), None)
    if stage is None:
        return None
    failed = sum(stage.failed.values())
    return People(
        scanned=stage.scanned,
        due=stage.due,
        done=stage.done,
        left=stage.due - stage.done - failed,
        held=sum(stage.held.values()),
        quarantined=sum(stage.quarantined.values()) + failed,
        kept=stage.kept,
        done_before=stage.done_before,
    )


def _quarantined_units(stages: tuple[StageFacts, ...]) -> int:
    return sum(n for s in stages for n in [*s.quarantined.values(), *s.failed.values()])


def _limits(policy: Policy) -> Limits:
    brake = policy.brake
    return Limits(
        people_per_night=policy.quota.people_per_night,
        rows_per_night=brake.rows_per_night,
        percent_of_table=brake.percent_of_table,
        times_recent_nights=brake.times_recent_nights,
    )

"""From the ledger's rows to what became of each stage and table: pure arithmetic."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from config.policy import Origin, Policy, Stage
from worker.ledger.batches import Entry
from worker.plan.scene import by_person
from worker.reports.reasons import FAILED, HELD, LOCKED, QUARANTINED, WAITS_FOR_QUOTA, starting_with
from worker.reports.records import Records
from worker.reports.shapes import CopyTerms, OverdueReason, SegmentFacts, StageFacts, TableFacts

RESTORE = "restore"
_WHY_UNREACHED: dict[str, OverdueReason] = {
    "open": "open",
    "window_ended": "window_ended",
    "stopped": "stopped",
    "failed": "failed",
    "done_with_failures": "failed",
}


def stage_facts(records: Records, policy: Policy) -> tuple[StageFacts, ...]:
    """Every stage that the run planned or stopped, in the policy's order."""
    planned = {s["stage"]: s for s in records.plan.get("stages", [])}
    stopped = records.plan.get("stopped", {})
    return tuple(
        _stage(records, policy, stage, planned.get(name, {}), stopped.get(name))
        for name, stage in policy.stages.items()
        if name in planned or name in stopped
    )


def _stage(records: Records, policy: Policy, stage: Stage, planned: dict[str, Any], stopped: str | None) -> StageFacts:
    entries = [e for e in records.entries if e.stage == stage.name and e.kind != RESTORE]
    states: dict[str, int] = planned.get("states", {})
    waiting = states.get(WAITS_FOR_QUOTA, 0)
    reasons = {reason: n for (name, reason), n in records.quarantine.items() if name == stage.name}
    set_aside = {reason: n for reason, n in reasons.items() if reason.startswith(FAILED)}
    # A heavy person's slices each name the same unit; only the last of them is not marked "part".
    done = sum(e.counts.get("units", 0) for e in entries if not e.part)
    unreached = _unreached(records, stage.name, planned.get("due", 0))
    unit = policy.subject.table if by_person(stage.origin) else stage.origin.events[0].column.table
    return StageFacts(
        stage=stage.name,
        unit=planned.get("unit", unit),
        by_person=by_person(stage.origin),
        basis=stage.basis or "",
        term=str(stage.term),
        counted_from=_counted_from(stage.origin),
        cutoff=_date(planned.get("cutoff")),
        copy=_copy(stage),
        scanned=sum(states.values()) - waiting,
        due=planned.get("due", 0) + waiting,
        done=done,
        left_out=max(0, planned.get("due", 0) - unreached - done - sum(set_aside.values())),
        kept=states.get("kept", 0),
        done_before=states.get("done", 0),
        held=starting_with(HELD, states),
        quarantined=starting_with(QUARANTINED, states),
        failed={reason.removeprefix(FAILED): n for reason, n in set_aside.items() if reason != LOCKED},
        overdue=_overdue(records.run.state, waiting, set_aside.get(LOCKED, 0), unreached),
        slices=len(entries),
        first_commit=min((e.committed_at for e in entries), default=None),
        last_commit=max((e.committed_at for e in entries), default=None),
        stopped=stopped,
    )


def _unreached(records: Records, stage: str, planned: int) -> int:
    """Planned units whose turn never came: left in batches, or never put into one."""
    batches = [b for b in records.batches if b.stage == stage]
    unbatched = max(0, planned - sum(b.units for b in batches))
    return unbatched + sum(b.remaining for b in batches)


def _overdue(state: str, waiting: int, locked: int, unreached: int) -> dict[OverdueReason, int]:
    found: dict[OverdueReason, int] = {"quota": waiting, "locked": locked}
    why = _WHY_UNREACHED.get(state, "failed")
    found[why] = found.get(why, 0) + unreached
    return {reason: n for reason, n in found.items() if n}


def _counted_from(origin: Origin) -> tuple[str, ...]:
    events = [str(e.column) + (f" where {e.where}" if e.where else "") for e in origin.events]
    return (*events, *(f"done: {name}" for name in origin.done), *(["subject"] if origin.subject else []))


def _copy(stage: Stage) -> CopyTerms | None:
    archive = stage.archive
    return None if archive is None else CopyTerms(str(archive.term), archive.basis, archive.why)


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def table_facts(records: Records, policy: Policy) -> tuple[TableFacts, ...]:
    """Every table of every stage in the plan's order, in each stage last those that only entries name."""
    planned = {(t["stage"], t["table"]): t for t in records.plan.get("tables", [])}
    touched = sorted((e.stage, table) for e in records.entries for table in e.counts.get("tables", {}))
    places = dict.fromkeys([*planned, *touched])
    order = list(dict.fromkeys(stage for stage, _ in places))
    return tuple(
        _table(records, policy, stage, table, planned.get((stage, table), {}))
        for stage, table in sorted(places, key=lambda place: order.index(place[0]))
    )


def _table(records: Records, policy: Policy, stage: str, table: str, planned: dict[str, Any]) -> TableFacts:
    entries = [e for e in records.entries if e.stage == stage and table in e.counts.get("tables", {})]
    done = _added_up(e.counts["tables"][table] for e in entries)
    copied = [e for e in entries if e.segment is not None and e.kind != RESTORE]
    rule = policy.stages.get(stage)
    basis = (rule.basis if rule else None) or ""
    triggered = rule is not None and table in rule.tables and bool(rule.tables[table].after)
    acted = done.get("deleted", 0) + done.get("depersonalised", 0)
    return TableFacts(
        stage=stage,
        table=table,
        operation=planned.get("operation", "follow"),
        basis=planned.get("basis") or basis,
        rows=planned.get("rows", 0),
        due=planned.get("due", 0),
        deleted=done.get("deleted", 0),
        depersonalised=done.get("depersonalised", 0),
        followed=done.get("followed", 0),
        restored=done.get("restored", 0),
        by_trigger=max(0, acted - planned.get("due", 0)) if triggered else 0,
        archived=sum(sum(e.counts["tables"][table].values()) for e in copied),
        held=planned.get("held", {}),
        quarantined=planned.get("quarantined", {}),
        kept=planned.get("kept", 0),
        done_before=planned.get("done", 0),
        files=planned.get("files", False),
        copy_until=max((e.archive_until for e in copied if e.archive_until), default=None),
        copy_basis=rule.archive.basis if rule and rule.archive else None,
    )


def segment_facts(entries: Iterable[Entry]) -> tuple[SegmentFacts, ...]:
    """Every segment that the run sealed, in the order of the entries."""
    return tuple(
        SegmentFacts(
            segment=e.segment,
            stage=e.stage,
            batch=e.batch,
            slice=e.slice,
            sha256=e.sha256 or "",
            bytes=e.size or 0,
            rows=sum(n for table in e.counts.get("tables", {}).values() for n in table.values()),
            until=e.archive_until,
            committed_at=e.committed_at,
            part=e.part,
        )
        for e in entries
        if e.segment is not None and e.kind != RESTORE
    )


def _added_up(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for count in counts:
        for operation, n in count.items():
            total[operation] = total.get(operation, 0) + n
    return total

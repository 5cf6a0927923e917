"""The answer to "what do you hold about me?", from what `explain` found."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from config.policy import Policy
from worker.plan.ranks import BLOCKED, BY_HAND, DONE, DUE
from worker.reports.letter import Answer, Deed, Ground, Line
from worker.reports.person import LEFT_HELD, LEFT_SHARED, PersonFacts, SliceFacts, StageFacts
from worker.reports.reasons import HELD, QUARANTINED


def letter_of(policy: Policy, people: Sequence[PersonFacts], today: date) -> Answer:
    """The answer for one person, who may have several rows in the subject's table."""
    lines = [line for facts in people for line in _lines(policy, facts)]
    return Answer(
        operator=policy.operator,
        asked="access",
        outcome="done",
        reference=f"{today:%Y%m%d}-{secrets.token_hex(4)}",
        answered_on=today,
        lines=tuple(_together(lines)),
        recipients=policy.recipients,
    )


def _lines(policy: Policy, facts: PersonFacts) -> Iterable[Line]:
    for stage in facts.stages:
        for rule in policy.stages[stage.stage].tables.values():
            deed: Deed = "deleted" if rule.operation == "delete" else "depersonalised"
            states = stage.rows.get(rule.table, {})
            slices = [s for s in stage.done if s.changed.get(rule.table)]
            if deed == "deleted" and slices:
                yield _done(stage, rule.table, deed, _deleted(rule.table, slices), slices)
            elif states.get(DONE) and stage.done:
                yield _done(stage, rule.table, deed, states[DONE], stage.done)
            for state, rows in states.items():
                if state != DONE:
                    yield Line(rule.table, "kept", rows, _ground(policy, stage, state))
    for table in facts.tables:
        if table.in_no_stage:
            yield Line(table.table, "kept", table.in_no_stage, Ground("policy", table.ignored or ""))


def _deleted(table: str, slices: Sequence[SliceFacts]) -> int | None:
    """How many rows were deleted, if nobody else's went with the same slices."""
    return None if any(s.others for s in slices) else sum(s.changed[table].get("deleted", 0) for s in slices)


def _done(stage: StageFacts, table: str, deed: Deed, rows: int | None, slices: Sequence[SliceFacts]) -> Line:
    until = max((s.copy_until for s in slices if s.copy_until is not None), default=None)
    return Line(
        table=table,
        deed=deed,
        rows=rows,
        ground=Ground(basis=stage.basis),
        day=max(s.done_at for s in slices).date(),
        copy_until=until,
        copy_basis=stage.copy_basis,
    )


def _ground(policy: Policy, stage: StageFacts, state: str) -> Ground:
    """Why rows in this state are kept, and until when."""
    if state == DUE:
        return Ground("due", stage.basis)
    if state == BLOCKED:
        return Ground("blocked")
    if state in (BY_HAND, LEFT_HELD):
        return Ground("by_hand")
    if state == LEFT_SHARED:
        return Ground("shared", stage.basis)
    if state.startswith(HELD):
        name = state.removeprefix(HELD)
        return Ground("hold", policy.holds[name].basis, hold=name)
    if state.startswith(QUARANTINED):
        return Ground("undecided", stage.basis)
    until = stage.due_until - timedelta(days=1) if stage.due_until else None
    return Ground("term", stage.basis, until=until)


def _together(lines: Iterable[Line]) -> list[Line]:
    """Lines that differ in their number only, as one."""
    found: dict[Line, int | None] = {}
    for line in lines:
        kind = replace(line, rows=None)
        before = found.get(kind, 0)
        found[kind] = None if before is None or line.rows is None else before + line.rows
    return [replace(line, rows=rows) for line, rows in found.items()]

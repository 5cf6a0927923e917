"""Clocks: columns that hold moments, that nobody overwrites, and whose rows are there as long as they are needed."""

import sqlalchemy as sa

from config.catalogue import text
from config.policy import ColumnRef, Policy, Stage
from worker.plan.check_ground import Ground
from worker.plan.check_names import event_path
from worker.plan.check_rules import Rule
from worker.plan.scene import by_person
from worker.strategies.kinds import kind_of

MOMENTS = {"date", "timestamp", "text"}
# SQLite stores a date as text whatever the column is declared as; a declared number changes the text.
NO_MOMENTS_ON_SQLITE = {"integer", "boolean", "bytes", "json"}


def check_clock(ground: Ground) -> None:
    """Types of event columns, events that a stage overwrites, events that are forgotten too early."""
    events = [(event_path(f"clock[{i}]", e), e.column) for i, e in enumerate(ground.policy.clock)]
    events += [(f"stages.{s.name}.from", e.column) for s in ground.policy.stages.values() for e in s.origin.events]
    for path, reference in events:
        _type(ground, path, reference)
    _overwritten(ground)
    for rule in ground.rules:
        if rule.deletes and not by_person(rule.stage.origin):
            _forgotten(ground, rule)


def _type(ground: Ground, path: str, reference: ColumnRef) -> None:
    column = ground.column(reference.table, reference.column)
    if column is None:
        return
    kind = kind_of(column.type)
    if ground.schema.dialect == "sqlite":
        wrong = kind in NO_MOMENTS_ON_SQLITE or isinstance(column.type, sa.Float)
    else:
        wrong = kind not in MOMENTS
    if wrong and ground.schema.dialect == "sqlite" and kind in ("integer", "number"):
        values = {"column": str(reference), "type": str(column.type), "name": reference.column}
        ground.error(path, text("foreign.epoch", **values))
    elif wrong:
        ground.error(path, text("check_clock.no_moment", column=reference, type=column.type))


def _overwritten(ground: Ground) -> None:
    clock = {e.column for e in ground.policy.clock}
    subject = ground.policy.subject
    for treated in ground.treated:
        reference = ColumnRef(table=treated.at.table, column=treated.name)
        counting = [
            s.name
            for s in ground.policy.stages.values()
            if s.name != treated.at.stage.name and reference in {e.column for e in s.origin.events}
        ]
        if reference in clock:
            ground.error(treated.path, text("check_clock.clock", column=reference))
        elif (subject.table, subject.blocked) == (treated.at.table, treated.name):
            ground.error(treated.path, text("check_clock.blocked", column=reference))
        elif counting:
            ground.error(treated.path, text("check_clock.counted", stage=counting[0], column=reference))


def _forgotten(ground: Ground, rule: Rule) -> None:
    """A row stage that deletes events of the clock must keep them as long as anybody's term counts from them."""
    policy = ground.policy
    events = [str(e.column) for e in policy.clock if e.column.table == rule.table]
    if not events:
        return
    deleted = {"stage": rule.stage.name, "table": rule.table, "term": rule.stage.term, "column": events[0]}
    floor = policy.floor.term
    if rule.stage.term.is_under(floor):
        ground.error(rule.path, text("check_clock.floor_needs", **deleted, needed=floor))
        return
    for stage in policy.stages.values():
        if _counts_after(policy, rule.stage, stage) and rule.stage.term.is_under(stage.term):
            ground.error(rule.path, text("check_clock.stage_needs", **deleted, other=stage.name, needed=stage.term))
            return


def _counts_after(policy: Policy, deleting: Stage, stage: Stage) -> bool:
    """Whether a stage counts from the person's clock and may still do so when the rows are gone. The ledger remembers
    the clock of people whom a stage by person has done; a row stage relies on such a stage being done first."""
    if not stage.origin.subject or by_person(stage.origin):
        return stage.origin.subject
    by_people = [s for s in policy.stages.values() if s.origin.subject and by_person(s.origin)]
    return all(deleting.term.is_under(s.term) for s in by_people)

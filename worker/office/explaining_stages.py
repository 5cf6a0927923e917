"""explain, stage by stage: what the predicate says of one person's or one row's units, and what was done to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy
from config.term import Term
from worker.office.explaining_events import newest_events, slices_of
from worker.pipeline.claim import moment_of
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.links import true
from worker.plan.ranks import DONE, KEPT
from worker.plan.rows import RulePlan
from worker.plan.scene import RowTest
from worker.plan.stages import StagePlan
from worker.plan.treatments import looks_done
from worker.reports.person import LEFT_HELD, LEFT_SHARED, EventFacts, StageFacts

AT_ONCE = 500  # units of one question


@dataclass(frozen=True)
class About:
    """Whom a stage is explained for. `unit_is` tests rows of the stage's unit; `clock` is the person's, `key` the
    person's own, under which the ledger may know what is no longer there."""

    unit_is: RowTest
    clock: datetime | None
    set_by: EventFacts | None
    key: Key | None


def explain_stage(connection: sa.Connection, stage: StagePlan, about: About) -> StageFacts:
    """The stage for these units. Reads only."""
    verdicts = stage.verdicts(about.unit_is)
    units: dict[str, list[Key]] = {}  # of one person: few enough to be held here
    clocks: dict[str, list[datetime | None]] = {}
    for *key, state, clock in connection.execute(sa.select(*stage.keys(verdicts), verdicts.c.state, verdicts.c.clock)):
        units.setdefault(state, []).append(tuple(key))
        clocks.setdefault(state, []).append(moment_of(clock))
    due_from, due_until, waits_for = _days(stage, about, clocks.get(KEPT))
    newest = max((m for moments in clocks.values() for m in moments if m is not None), default=None)
    return StageFacts(
        stage=stage.name,
        unit=stage.unit,
        by_person=stage.by_person,
        basis=stage.stage.basis or "",
        term=str(stage.stage.term),
        states={state: len(keys) for state, keys in sorted(units.items())},
        set_by=about.set_by if stage.by_person else _set_by(connection, stage, about.unit_is, newest),
        due_from=due_from,
        due_until=due_until,
        waits_for=waits_for,
        rows={rule.table: _rows(connection, stage, rule, units) for rule in stage.rules},
        done=slices_of(connection, stage, about.unit_is, about.key),
        copy_basis=stage.stage.archive.basis if stage.stage.archive else "",
    )


def _set_by(
    connection: sa.Connection, stage: StagePlan, unit_is: RowTest, newest: datetime | None
) -> EventFacts | None:
    """The event of a row stage that set its newest clock."""
    if newest is None:
        return None
    events = newest_events(connection, stage.events(unit_is), lambda _: sa.false())
    return next((e for e in events if e.newest == newest), None)


def _days(
    stage: StagePlan, about: About, kept: Sequence[datetime | None] | None
) -> tuple[date | None, date | None, list[str]]:
    """When the first and the last of the units that wait become due, and what they wait for where no day is known.
    `kept` are their clocks."""
    origin, calendar = stage.stage.origin, stage.scene.calendar
    if kept is None:
        return None, None, []
    if origin.done:
        return None, None, []  # `after_others` knows more
    begun = [moment for moment in kept if moment is not None]
    waits = [] if begun or stage.by_person else [text("explained.waits_event")]
    person = [first_day(about.clock, stage.scene.policy.floor.term, calendar.zone)]
    if origin.subject:
        person.append(first_day(about.clock, stage.stage.term, calendar.zone))
    ends = [] if stage.by_person else [min(begun, default=None), max(begun, default=None)]
    own = [first_day(moment, stage.stage.term, calendar.zone) for moment in ends] or [None, None]
    days = [max((d for d in (day, *person) if d is not None), default=None) for day in own]
    if not waits and days[1] is not None and days[1] <= calendar.today:
        return None, None, [text("explained.waits_other")]  # its own terms have ended: somebody else's keeps it
    return (days[0], days[1], waits) if begun or stage.by_person else (None, None, waits)


def after_others(stages: Sequence[StageFacts], policy: Policy) -> list[StageFacts]:
    """The same stages, those that count from the end of others with what they wait for, or the day that gives."""
    by_name = {stage.stage: stage for stage in stages}
    found = []
    for facts in stages:
        stage = policy.stages[facts.stage]
        if not stage.origin.done or not facts.states.get(KEPT):
            found.append(facts)
            continue
        others = [by_name[name] for name in stage.origin.done if name in by_name]
        unfinished = [name for name in stage.origin.done if name not in by_name or not _finished(by_name[name])]
        waits_for = [text("explained.waits_stage", stage=name) for name in unfinished]
        ends = [d.done_at for other in others for d in other.done]
        day = first_day(max(ends), stage.term, ZoneInfo(policy.timezone)) if ends and not waits_for else None
        found.append(replace(facts, due_from=day, due_until=day, waits_for=waits_for))
    return found


def _finished(stage: StageFacts) -> bool:
    if stage.by_person:
        return bool(stage.done) and not stage.done[-1].remains
    return set(stage.states) <= {DONE} and not any(d.remains for d in stage.done)


def first_day(moment: datetime | None, term: Term, zone: Any) -> date | None:
    """The first day after the term of an event (naive UTC)."""
    if moment is None:
        return None
    last = term.kept_until(moment.replace(tzinfo=UTC).astimezone(zone).date())
    return last if last == date.max else last + timedelta(days=1)


def _rows(
    connection: sa.Connection, stage: StagePlan, rule: RulePlan, units: Mapping[str, Sequence[Key]]
) -> Mapping[str, int]:
    """Rows of a table that the stage selects, by the verdict on the unit that they go with. Rows of a unit that is done
    count as done if they look so."""
    found: dict[str, int] = {}
    for state, keys in units.items():
        for start in range(0, len(keys), AT_ONCE):
            for now, n in connection.execute(_counted(stage, rule, state, keys[start : start + AT_ONCE])):
                found[now] = found.get(now, 0) + int(n)
    return dict(sorted(found.items()))


def _counted(stage: StagePlan, rule: RulePlan, state: str, keys: Sequence[Key]) -> sa.Select[Any]:
    """(state, rows): of the rows that go with these units, which are all in this state."""
    row = stage.scene.links.filtered(rule.table, *([] if rule.rule.where is None else [true(rule.rule.where)]))
    belongs = stage.belongs(rule, row, lambda unit: key_in(stage.scene.key(stage.unit, unit), bare(keys)))
    now = _state(stage, rule, row) if state == DONE else sa.literal(state, sa.Text())
    inner = sa.select(now.label("state")).select_from(row).where(belongs).subquery()
    return sa.select(inner.c.state, sa.func.count().label("rows")).group_by(inner.c.state)


def _state(stage: StagePlan, rule: RulePlan, row: sa.FromClause) -> sa.ColumnElement[str]:
    """Of a row whose unit is done: done, or left."""
    done = sa.false() if rule.deletes else looks_done(rule.columns, row, stage.scene.dialect)
    held = sa.not_(stage.row_is_free(rule.table, row))
    return sa.case((done, DONE), (held, LEFT_HELD), else_=LEFT_SHARED)

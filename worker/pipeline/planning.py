"""plan: policy, live schema and one fixed `now` → what a run would do. Reads only; SELECT is enough."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.policy import Policy, Stage
from worker.databases.base import Database
from worker.databases.facts import Schema
from worker.ledger.tables import Ledger
from worker.plan.calendar import Calendar
from worker.plan.fingerprint import fingerprint
from worker.plan.links import Links
from worker.plan.people import DONE, KEPT, People, Scene
from worker.plan.result import Key, Plan, StageOutcome, TablePlan
from worker.plan.stages import DUE, RulePlan, StagePlan

SAMPLE_ROWS = 200
QUARANTINE_LIMIT = 10_000


def scene_of(policy: Policy, schema: Schema, ledger: Ledger, now: datetime) -> Scene:
    """Everything the predicate looks at, at one fixed moment."""
    return Scene(policy, schema, Links(policy, schema), Calendar.of(policy, now), ledger)


def stages_of(scene: Scene, without: Mapping[str, str] | None = None) -> list[StagePlan]:
    """Every stage of the policy that is not stopped, as queries."""
    people = People(scene)
    return [StagePlan(scene, people, s) for name, s in scene.policy.stages.items() if name not in (without or {})]


def make_plan(
    connection: sa.Connection, database: Database, scene: Scene, stopped: Mapping[str, str] | None = None
) -> Plan:
    """The plan. `stopped` are stages that must not run, with the reason (promise 11)."""
    stages = [_stage(connection, database, stage) for stage in stages_of(scene, stopped)]
    stages = _within_quota(scene.policy, stages)
    calendar = scene.calendar
    plan = Plan(
        scene.policy.name, scene.policy.hash, calendar.now, calendar.today, tuple(stages), dict(stopped or {})
    )
    return replace(plan, fingerprint=fingerprint(plan, scene.schema))


def _stage(connection: sa.Connection, database: Database, stage: StagePlan) -> StageOutcome:
    due: list[Key] = []
    states: dict[str, int] = {}
    quarantine: list[tuple[Key, str]] = []
    for *key, state, count in connection.execute(_unit_states(stage)):
        states[state] = states.get(state, 0) + count
        if state == DUE:
            due.append(tuple(key))
        elif state.startswith("quarantined") and len(quarantine) < QUARANTINE_LIMIT:
            quarantine.append((tuple(key), state.removeprefix("quarantined: ")))
    tables = tuple(_table(connection, database, stage, rule, states) for rule in stage.rules)
    return StageOutcome(stage.name, stage.unit, stage.cutoff, tuple(due), states, tuple(quarantine), tables)


def _unit_states(stage: StagePlan) -> sa.Select[Any]:
    """Each unit's key and state in key order; units that are simply kept or done come as one row with their count."""
    unit = stage.units()
    columns = stage.scene.key(stage.unit, unit)
    state = stage.state(unit).label("state")
    inner = sa.select(*columns, state).where(stage.unit_filter(unit)).subquery()
    quiet = inner.c.state.in_([KEPT, DONE])
    keys = [sa.case((quiet, None), else_=inner.c[c.name]).label(f"key_{i}") for i, c in enumerate(columns)]
    query = sa.select(*keys, inner.c.state, sa.func.count()).group_by(*keys, inner.c.state)
    return query.order_by(*keys)


def _count(connection: sa.Connection, table: sa.FromClause) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _table(
    connection: sa.Connection, database: Database, stage: StagePlan, rule: RulePlan, unit_states: Mapping[str, int]
) -> TablePlan:
    row = stage.scene.links.alias(rule.table)
    selected = stage.rows(rule, row, stage.due, lambda _: sa.false())
    due = int(connection.execute(sa.select(sa.func.count()).select_from(row).where(selected)).scalar_one())
    total = _count(connection, rule.facts.table)
    states = dict(unit_states) if rule.table == stage.unit else _row_states(connection, stage, rule)
    states.pop(DUE, None)
    archive = stage.stage.archive
    return TablePlan(
        stage=stage.name,
        table=rule.table,
        operation=rule.rule.operation,
        due=due,
        rows=total,
        bytes=_weight(connection, database, rule, row, selected, due) if archive and due else 0,
        states=states,
        basis=stage.stage.basis or "",
        copy=copy_words(stage.stage),
        files=rule.rule.files is not None,
    )


def copy_words(stage: Stage) -> str:
    """What becomes of the originals, in a few words."""
    if stage.archive is None:
        return "no copy: cannot be undone"
    return f"sealed copy kept {stage.archive.term} ({stage.archive.basis})"


def _row_states(connection: sa.Connection, stage: StagePlan, rule: RulePlan) -> dict[str, int]:
    """The rows of a table that goes with its units, counted by the state of the unit they lead to."""
    found: dict[str, int] = {}
    for state, test in stage.reasons():
        if state == DONE:
            continue
        row = stage.scene.links.alias(rule.table)
        belongs = stage.belongs(rule, row, test)
        count = int(connection.execute(sa.select(sa.func.count()).select_from(row).where(belongs)).scalar_one())
        if count:
            found[state] = found.get(state, 0) + count
    return found


def _weight(
    connection: sa.Connection, database: Database, rule: RulePlan, row: sa.FromClause, selected: Any, due: int
) -> int:
    """Expected plain bytes of the copy, from a sample of the rows that would go into it."""
    query = sa.select(*row.c).select_from(row).where(selected).limit(SAMPLE_ROWS)
    sample = sum(len(chunk) for chunk in database.rows_out(connection, query))
    return sample * due // min(due, SAMPLE_ROWS)


def _within_quota(policy: Policy, stages: list[StageOutcome]) -> list[StageOutcome]:
    """Only so many units of each stage a night; the rest waits (promise 13: 0 means none)."""
    limit = policy.quota.people_per_night
    if limit is None:
        return stages
    cut = []
    for stage in stages:
        waiting = len(stage.due) - len(stage.due[:limit])
        states = {**stage.states, **({"waits for the quota": waiting} if waiting else {})}
        cut.append(replace(stage, due=stage.due[:limit], states=states))
    return cut

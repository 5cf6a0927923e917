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
from worker.plan.links import Links, exists, true
from worker.plan.people import DONE, DUE, KEPT, People
from worker.plan.result import Key, Plan, StageOutcome, TablePlan
from worker.plan.scene import Scene, key_in_query
from worker.plan.stages import RulePlan, StagePlan

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
    database.expect_whole_tables(connection)
    stages = [_stage(connection, database, stage) for stage in stages_of(scene, stopped)]
    stages = _within_quota(scene.policy, stages)
    calendar = scene.calendar
    plan = Plan(scene.policy.name, scene.policy.hash, calendar.now, calendar.today, tuple(stages), dict(stopped or {}))
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
    by_table = _row_states(connection, stage, bool(due), states)
    tables = tuple(_table(connection, database, stage, rule, by_table[rule.table]) for rule in stage.rules)
    return StageOutcome(stage.name, stage.unit, stage.cutoff, tuple(due), states, tuple(quarantine), tables)


def _unit_states(stage: StagePlan) -> sa.Select[Any]:
    """Each unit's key and state in key order; units that are simply kept or done come as one row with their count."""
    verdicts = stage.verdicts()
    quiet = verdicts.c.state.in_([KEPT, DONE])
    keys = [sa.case((quiet, None), else_=k).label(k.name) for k in stage.keys(verdicts)]
    inner = sa.select(*keys, verdicts.c.state).subquery()
    columns = [inner.c[k.name] for k in keys]
    query = sa.select(*columns, inner.c.state, sa.func.count()).group_by(*columns, inner.c.state)
    return query.order_by(*columns)


def _row_states(
    connection: sa.Connection, stage: StagePlan, any_due: bool, unit_states: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Rows of each table of the stage by state: `due` are those that would change, the others go with their unit."""
    found: dict[str, dict[str, int]] = {rule.table: {} for rule in stage.rules}
    if stage.unit in found:
        found[stage.unit] = {s: n for s, n in unit_states.items() if s != DUE}
    verdicts = stage.verdicts()
    others = stage.people.not_due(stage.people.everybody(), stage.person_cutoff, "others").cte("not_due")
    parts: list[sa.Select[Any]] = []
    for place, rule in enumerate(stage.rules):
        if any_due:
            parts.append(_due_rows(stage, rule, place, verdicts, others))
        if rule.table != stage.unit:
            parts += _rows_with_units(stage, rule, place, verdicts)
    if not parts:
        return found
    union = sa.union_all(*parts).subquery()
    query = sa.select(union.c.place, union.c.state, sa.func.sum(union.c.n)).group_by(union.c.place, union.c.state)
    for place, state, n in connection.execute(query):
        if n:
            found[stage.rules[place].table][state] = int(n)
    return found


def _due_rows(stage: StagePlan, rule: RulePlan, place: int, verdicts: sa.CTE, others: sa.CTE) -> sa.Select[Any]:
    """Rows that would change: their unit is due, and nobody else to whom they belong is not."""
    row = stage.scene.links.alias(rule.table)
    due = sa.select(*stage.keys(verdicts)).where(verdicts.c.state == DUE)
    tests = [stage.rows(rule, row, lambda unit: key_in_query(stage.scene.key(stage.unit, unit), due))]
    if rule.table != stage.unit and stage.owners(rule.table, lambda _: sa.true()) is not None:
        tests.append(sa.not_(_of_others(stage, rule, row, others)))
    counted: list[sa.ColumnElement[Any]] = [
        sa.literal_column(str(place)).label("place"),
        sa.literal(DUE, sa.Text()).label("state"),
        sa.func.count().label("n"),
    ]
    return sa.select(*counted).select_from(row).where(*tests)


def _of_others(stage: StagePlan, rule: RulePlan, row: sa.FromClause, others: sa.CTE) -> sa.ColumnElement[bool]:
    """Whether the row belongs to one of `others`, as one set that the database can hash, not asked row by row."""
    links, scene = stage.scene.links, stage.scene
    found = []
    for path in links.to_people(rule.table):
        source, person = links.source(path), links.alias(scene.subject)
        same = sa.and_(*(o == k for o, k in zip(others.c, scene.key(scene.subject, person), strict=True)))
        joined = links.chain(path, source, person).join(others, same)
        found.append(sa.select(*scene.key(rule.table, source)).select_from(joined))
    theirs = sa.union_all(*found).subquery()
    same = sa.and_(*(t == k for t, k in zip(theirs.c, scene.key(rule.table, row), strict=True)))
    return exists(theirs, same)


def _rows_with_units(stage: StagePlan, rule: RulePlan, place: int, verdicts: sa.CTE) -> list[sa.Select[Any]]:
    """Rows of another table than the units', counted by the verdict on the unit that they lead to."""
    links, found = stage.scene.links, []
    for path in links.finding(rule.table, stage.unit):
        unit = stage.units()
        row = links.source(path, condition=true)
        same = sa.and_(*(k == unit.c[c] for k, c in zip(stage.keys(verdicts), stage.key, strict=True)))
        joined = links.chain(path, row, unit, true).join(verdicts, same)
        found.append(
            sa.select(sa.literal_column(str(place)).label("place"), verdicts.c.state, sa.func.count().label("n"))
            .select_from(joined)
            .where(verdicts.c.state.not_in([DUE, DONE]))
            .group_by(verdicts.c.state)
        )
    return found


def _count(connection: sa.Connection, table: sa.FromClause) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _table(
    connection: sa.Connection, database: Database, stage: StagePlan, rule: RulePlan, states: Mapping[str, int]
) -> TablePlan:
    due = states.get(DUE, 0)
    archive = stage.stage.archive
    return TablePlan(
        stage=stage.name,
        table=rule.table,
        operation=rule.rule.operation,
        due=due,
        rows=_count(connection, rule.facts.table),
        bytes=_weight(connection, database, rule, due) if archive and due else 0,
        states={s: n for s, n in states.items() if s != DUE},
        basis=stage.stage.basis or "",
        copy=copy_words(stage.stage),
        files=rule.rule.files is not None,
    )


def copy_words(stage: Stage) -> str:
    """What becomes of the originals, in a few words."""
    if stage.archive is None:
        return "no copy: cannot be undone"
    return f"sealed copy kept {stage.archive.term} ({stage.archive.basis})"


def _weight(connection: sa.Connection, database: Database, rule: RulePlan, due: int) -> int:
    """Expected plain bytes of the copy, from a few rows of the table."""
    row = rule.facts.table
    chunks = list(database.rows_out(connection, sa.select(*row.c).select_from(row).limit(SAMPLE_ROWS)))
    rows = sum(chunk.count(b"\n") for chunk in chunks)
    return sum(len(chunk) for chunk in chunks) * due // max(rows, 1)


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

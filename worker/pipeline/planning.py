"""plan: policy, live schema and one fixed `now` → what a run would do. Reads only; SELECT is enough."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy, Stage
from worker.databases.base import Database
from worker.databases.facts import Schema
from worker.ledger.tables import Ledger
from worker.pipeline.blocked import blocked_people
from worker.pipeline.claim import Claim, owners_of
from worker.pipeline.selection import select_rows, without_referred
from worker.plan.calendar import Calendar
from worker.plan.fingerprint import fingerprint
from worker.plan.links import Links, true
from worker.plan.people import People
from worker.plan.ranks import DONE, DUE, KEPT
from worker.plan.result import Key, Plan, StageOutcome, TablePlan
from worker.plan.rows import RulePlan
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan

SAMPLE_ROWS = 200
QUARANTINE_LIMIT = 10_000
UNITS_AT_ONCE, ALL_ROWS, ROWS_AT_ONCE = 2_000, 1 << 30, 5_000


def scene_of(
    policy: Policy, schema: Schema, ledger: Ledger, now: datetime, request: str | None = None, erases: bool = False
) -> Scene:
    """Everything the predicate looks at, at one fixed moment; for a purge, with the request that it carries out."""
    return Scene(policy, schema, Links(policy, schema), Calendar.of(policy, now), ledger, request, erases)


def stages_of(scene: Scene, without: Mapping[str, str] | None = None) -> list[StagePlan]:
    """Every stage of the policy that is not stopped, as queries."""
    people = People(scene)
    return [StagePlan(scene, people, s) for name, s in scene.policy.stages.items() if name not in (without or {})]


def make_plan(
    connection: sa.Connection, database: Database, scene: Scene, stopped: Mapping[str, str] | None = None
) -> Plan:
    """The plan. `stopped` are stages that must not run, with the reason (promise 11)."""
    stages = [_stage(connection, database, stage) for stage in stages_of(scene, stopped)]
    calendar = scene.calendar
    plan = Plan(scene.policy.name, scene.policy.hash, calendar.now, calendar.today, tuple(stages), dict(stopped or {}))
    blocked = blocked_people(connection, scene.policy)
    return replace(plan, fingerprint=fingerprint(plan, scene.schema), blocked=blocked)


def _stage(connection: sa.Connection, database: Database, stage: StagePlan) -> StageOutcome:
    due: list[Key] = []
    states: dict[str, int] = {}
    quarantine: list[tuple[Key, str]] = []
    database.expect_whole_tables(connection, True)
    verdicts = connection.execute(_unit_states(stage)).partitions(ROWS_AT_ONCE)
    for *key, state, _, count in chain.from_iterable(verdicts):
        states[state] = states.get(state, 0) + count
        if state == DUE:
            due.append(tuple(key))
        elif state.startswith("quarantined") and len(quarantine) < QUARANTINE_LIMIT:
            quarantine.append((tuple(key), state.removeprefix("quarantined: ")))
    if kept := _surely_kept(connection, stage):
        states[KEPT] = states.get(KEPT, 0) + kept
    by_table = _row_states(connection, stage, states)
    database.expect_whole_tables(connection, False)
    due = _within_quota(stage, due, states)
    rows = due_rows(connection, database, stage, due)
    tables = tuple(_table(connection, database, stage, r, rows[r.table], by_table[r.table]) for r in stage.rules)
    return StageOutcome(stage.name, stage.unit, stage.cutoff, tuple(due), states, tuple(quarantine), tables)


def _within_quota(stage: StagePlan, due: list[Key], states: dict[str, int]) -> list[Key]:
    """Only so many units of each stage a night; the rest waits (promise 13: 0 means none). A purge is no night."""
    limit = stage.scene.policy.quota.people_per_night
    if limit is None or len(due) <= limit or stage.scene.request is not None:
        return due
    states[DUE] = limit
    states["waits for the quota"] = len(due) - limit
    return due[:limit]


def _unit_states(stage: StagePlan) -> sa.Select[Any]:
    """Each unit's key, state and clock, the longest overdue first (what does not fit into a window or a quota has
    waited least), then in key order. Units that are simply kept or done come as one row with their count."""
    verdicts = stage.planned
    quiet = verdicts.c.state.in_([KEPT, DONE])
    keys = [sa.case((quiet, None), else_=k).label(k.name) for k in stage.keys(verdicts)]
    clock = sa.case((verdicts.c.state == DUE, verdicts.c.clock), else_=None).label("clock")
    inner = sa.select(*keys, verdicts.c.state, clock).subquery()
    columns = [inner.c[k.name] for k in keys]
    query = sa.select(*columns, inner.c.state, inner.c.clock, sa.func.count())
    return query.group_by(*columns, inner.c.state, inner.c.clock).order_by(inner.c.clock, *columns)


def _surely_kept(connection: sa.Connection, stage: StagePlan) -> int:
    """How many units have no part in the verdicts, because their own rows keep them."""
    unit = stage.units()
    query = sa.select(sa.func.count()).select_from(unit).where(stage.surely_kept(unit))
    return int(connection.execute(query).scalar_one())


def due_rows(connection: sa.Connection, database: Database, stage: StagePlan, due: Sequence[Key]) -> dict[str, int]:
    """How many rows of each table would go with the due units: the slices' own selection, asked without locks."""
    counts = {rule.table: 0 for rule in stage.rules}
    for start in range(0, len(due), UNITS_AT_ONCE):
        units = tuple(due[start : start + UNITS_AT_ONCE])
        people = units if stage.by_person else tuple(owners_of(connection, stage, units))
        claim = Claim(units, {}, people, (), {}, ())
        done: dict[str, list[Key]] = {}
        for rule in stage.rules:
            keys = select_rows(connection, database, stage, rule, claim, done, ALL_ROWS, run=None)
            done[rule.table] = without_referred(connection, stage, rule, keys)
            counts[rule.table] += len(done[rule.table])
    return counts


def _row_states(
    connection: sa.Connection, stage: StagePlan, unit_states: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Rows of each table of the stage that stay, by the verdict on the unit that they go with."""
    found: dict[str, dict[str, int]] = {rule.table: {} for rule in stage.rules}
    verdicts = stage.planned
    parts: list[sa.Select[Any]] = []
    for place, rule in enumerate(stage.rules):
        if rule.table == stage.unit:
            found[rule.table] = {s: n for s, n in unit_states.items() if s != DUE}
        else:
            parts += _rows_with_units(stage, rule, place, verdicts)
    if parts:
        union = sa.union_all(*parts).subquery()
        query = sa.select(union.c.place, union.c.state, sa.func.sum(union.c.n)).group_by(union.c.place, union.c.state)
        for place, state, n in connection.execute(query):
            if n:
                found[stage.rules[place].table][state] = int(n)
    return found


def _rows_with_units(stage: StagePlan, rule: RulePlan, place: int, verdicts: sa.CTE) -> list[sa.Select[Any]]:
    """Rows of another table than the units', counted by the verdict on the unit that they lead to."""
    links, found = stage.scene.links, []
    number: Any = sa.literal_column(str(place)).label("place")
    rows = sa.func.count().label("n")
    kept = [number, sa.literal(KEPT, sa.Text()).label("state"), rows]
    for path in links.finding(rule.table, stage.unit):
        unit = stage.units()
        joined = links.chain(path, links.source(path, condition=true), unit, true)
        same = sa.and_(*(k == unit.c[c] for k, c in zip(stage.keys(verdicts), stage.key, strict=True)))
        asked = sa.select(number, verdicts.c.state, rows).select_from(joined.join(verdicts, same))
        found.append(asked.where(verdicts.c.state.not_in([DUE, DONE])).group_by(verdicts.c.state))
        found.append(sa.select(*kept).select_from(joined).where(stage.surely_kept(unit)))
    return found


def _count(connection: sa.Connection, table: sa.FromClause) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _table(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    due: int,
    states: Mapping[str, int],
) -> TablePlan:
    archive = stage.stage.archive
    return TablePlan(
        stage=stage.name,
        table=rule.table,
        operation=rule.rule.operation,
        due=due,
        rows=_count(connection, rule.facts.table),
        bytes=_weight(connection, database, rule, due) if archive and due else 0,
        states=states,
        basis=stage.stage.basis or "",
        copy=copy_words(stage.stage),
        files=rule.rule.files is not None,
    )


def copy_words(stage: Stage) -> str:
    """What becomes of the originals, in a few words."""
    if stage.archive is None:
        return text("copy_words.none")
    return text("copy_words.kept", term=stage.archive.term, basis=stage.archive.basis)


def _weight(connection: sa.Connection, database: Database, rule: RulePlan, due: int) -> int:
    """Expected plain bytes of the copy, from a few rows of the table."""
    row = rule.facts.table
    chunks = list(database.rows_out(connection, sa.select(*row.c).select_from(row).limit(SAMPLE_ROWS)))
    rows = sum(chunk.count(b"\n") for chunk in chunks)
    return sum(len(chunk) for chunk in chunks) * due // max(rows, 1)

"""plan: policy, live schema and one fixed `now` → what a run would do. Reads only; SELECT is enough."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from config.catalogue import text
from config.policy import Policy, Stage
from worker.databases.base import Database
from worker.databases.facts import Schema
from worker.ledger.tables import Ledger
from worker.pipeline.blocked import blocked_people
from worker.pipeline.claim import Claim, owners_of
from worker.pipeline.counting import Counted, count_tables, count_verdicts
from worker.pipeline.selection import select_rows, without_referred
from worker.plan.calendar import Calendar
from worker.plan.fingerprint import fingerprint
from worker.plan.keys import Key
from worker.plan.links import Links
from worker.plan.people import People
from worker.plan.ranks import DUE
from worker.plan.result import Plan, StageOutcome, TablePlan
from worker.plan.rows import RulePlan
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan

SAMPLE_ROWS = 200
UNITS_AT_ONCE, ALL_ROWS = 2_000, 1 << 30


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
    stages = stages_of(scene, stopped)
    blocked = blocked_people(connection, scene.policy)
    totals = count_tables(connection, stages)
    outcomes = tuple(_stage(connection, database, stage, totals) for stage in stages)
    calendar = scene.calendar
    plan = Plan(scene.policy.name, scene.policy.hash, calendar.now, calendar.today, outcomes, dict(stopped or {}))
    return replace(plan, fingerprint=fingerprint(plan, scene.schema), blocked=blocked)


def _stage(connection: sa.Connection, database: Database, stage: StagePlan, totals: Mapping[str, int]) -> StageOutcome:
    database.expect_whole_tables(connection, True)
    counted = count_verdicts(connection, database, stage, totals)
    database.expect_whole_tables(connection, False)
    due = _within_quota(stage, counted)
    rows = due_rows(connection, database, stage, due)
    tables = tuple(
        _table(connection, database, stage, rule, rows[rule.table], totals[rule.table], counted.rows[rule.table])
        for rule in stage.rules
    )
    quarantine = tuple(counted.quarantine)
    return StageOutcome(stage.name, stage.unit, stage.cutoff, due, counted.states, quarantine, tables)


def _within_quota(stage: StagePlan, counted: Counted) -> Sequence[Key]:
    """Only so many units of each stage a night; the rest waits (promise 13: 0 means none). A purge is no night."""
    limit = stage.scene.policy.quota.people_per_night
    if limit is None or len(counted.due) <= limit or stage.scene.request is not None:
        return counted.due
    counted.states[DUE] = limit
    counted.states["waits for the quota"] = len(counted.due) - limit
    return counted.due[:limit]


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


def _table(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    due: int,
    total: int,
    states: Mapping[str, int],
) -> TablePlan:
    archive = stage.stage.archive
    return TablePlan(
        stage=stage.name,
        table=rule.table,
        operation=rule.rule.operation,
        due=due,
        rows=total,
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

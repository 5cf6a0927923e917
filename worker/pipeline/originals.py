"""The claimed people's originals, for as long as a slice's transaction lasts: links are followed through them once the
rows have changed, and new values of joined columns are made alike for all rows of one person."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.base import Database
from worker.databases.facts import TableFacts
from worker.pipeline.claim import KEPT_QUERIES, KEYS, Claim
from worker.pipeline.tools import Broken
from worker.plan.joins import sees_few
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.stages import StagePlan
from worker.plan.treatments import Column

RANDOM = random.SystemRandom()
BEFORE, NEW = "merzim_before", "merzim_new"


@dataclass(frozen=True)
class Before:
    """A copy, for this transaction only, of the claimed people's keys and of the columns that something joins, as they
    were; with the new values of those that change. Links are followed through it once the originals are gone."""

    table: sa.Table
    labels: tuple[tuple[str, str], ...]  # column, the name of its new value's column

    @property
    def new(self) -> dict[str, str]:
        """Column → the name of its new value's column."""
        return dict(self.labels)


def remember(
    connection: sa.Connection, database: Database, stage: StagePlan, claim: Claim, changing: Mapping[str, Column]
) -> Before:
    """Make the copy. New values of joined columns are made here, alike for all rows of one person."""
    scene = stage.scene
    subject = scene.policy.subject.table
    facts = scene.schema.tables[subject]
    names = list(stage.people.columns)
    new = {c: f"merzim_new_{i}" for i, c in enumerate(changing)}
    columns = {c: facts.table.c[c] for c in names} | {label: facts.table.c[c] for c, label in new.items()}
    before = Before(database.temporary(connection, BEFORE, columns), tuple(new.items()))
    staged = _stage_new(connection, database, stage, claim, changing, new) if new else None
    connection.execute(_filling(stage, before, staged), {"keys": bare(claim.people)})
    return before


def _stage_new(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    claim: Claim,
    changing: Mapping[str, Column],
    new: Mapping[str, str],
) -> sa.Table:
    """The new values by key."""
    facts = stage.scene.schema.tables[stage.scene.policy.subject.table]
    made = {c: _new_values(stage, claim, column, facts.table.c[c]) for c, column in changing.items()}
    columns = {c: facts.table.c[c] for c in facts.key} | {label: facts.table.c[c] for c, label in new.items()}
    staged = database.temporary(connection, NEW, columns)
    database.fill(connection, staged, [(*k, *(made[c][k] for c in new)) for k in claim.people])
    return staged


@lru_cache(maxsize=KEPT_QUERIES)
def _filling(stage: StagePlan, before: Before, staged: sa.Table | None) -> sa.Insert:
    """Originals and new values beside each other. Nothing stays nothing: who had no value gets none."""
    facts = stage.scene.schema.tables[stage.scene.policy.subject.table]
    table = facts.table
    tests = [key_in([table.c[c] for c in facts.key], KEYS)]
    new: list[sa.ColumnElement[Any]] = []
    if staged is not None:
        tests += joined(facts, staged, stage.scene.dialect)
        new = [sa.case((table.c[c].is_(None), None), else_=staged.c[label]) for c, label in before.labels]
    query = sa.select(*(table.c[c] for c in stage.people.columns), *new).where(*tests)
    return sa.insert(before.table).from_select([*stage.people.columns, *before.new.values()], query)


def joined(facts: TableFacts, few: sa.Table, dialect: str) -> list[sa.ColumnElement[bool]]:
    """The live rows that a temporary table names."""
    known = [sees_few(few.c[facts.key[0]])] if dialect == "sqlite" else []
    return [*(facts.table.c[c] == few.c[c] for c in facts.key), *known]


def _new_values(stage: StagePlan, claim: Claim, column: Column, live: sa.Column[Any]) -> dict[Key, Any]:
    """One value per row; for the column that makes rows one person, one per person, so that they stay one."""
    alike = column.name == stage.scene.policy.subject.same_person
    owner = {k: claim.groups.get(k, k) if alike else k for k in claim.people}
    owners = list(dict.fromkeys(owner.values()))
    old = [0 if isinstance(live.type, sa.Integer) else ""] * len(owners)  # what the strategy sees instead of originals
    values = column.bound.strategy.make(old, column.bound.argument, RANDOM, column_name=column.name)
    if not all(column.bound.strategy.is_done(value, column.bound.argument) for value in values):
        raise Broken(text("broken.not_done", strategy=column.bound.spelling))
    by_owner = dict(zip(owners, values, strict=True))
    return {key: by_owner[o] for key, o in owner.items()}

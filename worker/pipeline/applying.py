"""apply: set-based UPDATE or DELETE of the selected keys, and the proof that each changed as it should.

Values that Python makes go in bulk through a temporary table, which is also what the proof compares with.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.base import Database
from worker.pipeline.claim import KEYS, Claim
from worker.pipeline.tools import Broken
from worker.plan.result import Key
from worker.plan.rows import RulePlan
from worker.plan.scene import bare, key_in
from worker.plan.stages import StagePlan
from worker.plan.treatments import Carry, Column, link_of, value_by_path
from worker.strategies.kinds import kind_of

RANDOM = random.SystemRandom()
BEFORE, STAGED = "merzim_before", "merzim_staged"


@dataclass(frozen=True)
class Before:
    """A copy, for this transaction only, of the claimed people's keys and of the columns that something joins, as they
    were; with the new values of those that change. Links are followed through it once the originals are gone."""

    table: sa.Table
    new: Mapping[str, str]  # column → the name of its new value's column


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
    table = database.temporary(connection, BEFORE, columns)
    key = [facts.table.c[c] for c in facts.key]
    old = sa.select(*(facts.table.c[c] for c in names)).where(key_in(key, KEYS))
    connection.execute(sa.insert(table).from_select(names, old), {"keys": bare(claim.people)})
    if new:
        _fill_new(connection, database, stage, claim, changing, table, new)
    return Before(table, new)


def _fill_new(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    claim: Claim,
    changing: Mapping[str, Column],
    table: sa.Table,
    new: Mapping[str, str],
) -> None:
    facts = stage.scene.schema.tables[stage.scene.policy.subject.table]
    made = {c: _new_values(stage, claim, column, facts.table.c[c]) for c, column in changing.items()}
    columns = {c: facts.table.c[c] for c in facts.key} | {label: facts.table.c[c] for c, label in new.items()}
    staged = database.temporary(connection, "merzim_new", columns)
    database.fill(connection, staged, [(*k, *(made[c][k] for c in new)) for k in claim.people])
    same = [table.c[c] == staged.c[c] for c in facts.key]
    # Nothing stays nothing: who had no value gets none.
    values = {label: sa.case((table.c[c].is_(None), None), else_=staged.c[label]) for c, label in new.items()}
    connection.execute(sa.update(table).where(*same).values(values))


def _new_values(stage: StagePlan, claim: Claim, column: Column, live: sa.Column[Any]) -> dict[Key, Any]:
    """One value per row; for the column that makes rows one person, one per person, so that they stay one."""
    alike = column.name == stage.scene.policy.subject.same_person
    owner = {k: claim.groups.get(k, k) if alike else k for k in claim.people}
    owners = list(dict.fromkeys(owner.values()))
    old = [0 if isinstance(live.type, sa.Integer) else ""] * len(owners)  # what the strategy sees instead of originals
    values = column.bound.strategy.make(old, column.bound.argument, RANDOM, column_name=column.name)
    by_owner = dict(zip(owners, values, strict=True))
    return {key: by_owner[o] for key, o in owner.items()}


def delete(connection: sa.Connection, rule: RulePlan, keys: Sequence[Key]) -> None:
    """Delete exactly these rows, or raise Broken."""
    table = rule.facts.table
    key = [table.c[c] for c in rule.facts.key]
    done = connection.execute(sa.delete(table).where(key_in(key, KEYS)), {"keys": bare(keys)})
    left = connection.execute(
        sa.select(sa.func.count()).select_from(table).where(key_in(key, KEYS)), {"keys": bare(keys)}
    ).scalar_one()
    if done.rowcount != len(keys) or left:
        raise Broken(_differs("broken.deleted", rule.table, len(keys), min(done.rowcount, len(keys) - left)))


def depersonalise(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    keys: Sequence[Key],
    before: Before | None,
) -> None:
    """Change exactly these rows, and look that every changed column looks done; raise Broken otherwise."""
    table = rule.facts.table
    key = [table.c[c] for c in rule.facts.key]
    dialect = stage.scene.dialect
    given = dict(before.new) if before is not None and rule.table == stage.scene.policy.subject.table else {}
    python = [c for c in rule.columns if c.made_in_python and c.name not in given]
    staged = _stage_values(connection, database, stage, rule, keys, python) if python else None
    values: dict[str, Any] = {}
    proofs: list[sa.ColumnElement[bool]] = []
    joins: list[sa.ColumnElement[bool]] = []
    for column in rule.columns:
        if column in python and staged is not None:
            values[column.name] = staged.c[column.name]
            proofs.append(_same(table.c[column.name], staged.c[column.name]))
            continue
        if column.name in given and before is not None:
            values[column.name] = before.table.c[given[column.name]]
        elif column.followed is not None:
            values[column.name] = _followed(stage, rule, column, table, before)
        else:
            values[column.name] = column.expression(table, dialect)
        proofs.append(column.looks_done(table, dialect))
    for other in ([staged] if staged is not None else []) + ([before.table] if given and before else []):
        joins += [table.c[c] == other.c[c] for c in rule.facts.key]
    statement = sa.update(table).where(key_in(key, KEYS), *joins).values(values)
    done = connection.execute(statement, {"keys": bare(keys)})
    look = sa.select(sa.func.count()).select_from(table).where(key_in(key, KEYS), *joins, *proofs)
    if staged is not None or given:
        others = ([staged] if staged is not None else []) + ([before.table] if given and before else [])
        look = look.select_from(*others)
    proven = connection.execute(look, {"keys": bare(keys)}).scalar_one()
    if not done.rowcount == proven == len(keys):
        raise Broken(_differs("broken.depersonalised", rule.table, len(keys), min(done.rowcount, proven)))


def carry(
    connection: sa.Connection, carried: Carry, table: sa.Table, key: Sequence[str], keys: Sequence[Key], before: Before
) -> None:
    """Give link columns the new value of what they join, in the same transaction; raise Broken if one was missed."""
    columns = [table.c[c] for c in key]
    column = table.c[carried.column]
    new, old = before.table.c[before.new[carried.followed]], before.table.c[carried.followed]
    value = sa.select(sa.func.max(new)).where(old == column).correlate(table).scalar_subquery()
    done = connection.execute(
        sa.update(table).where(key_in(columns, KEYS)).values({carried.column: value}), {"keys": bare(keys)}
    )
    is_new = column.in_(sa.select(new))
    proven = connection.execute(
        sa.select(sa.func.count()).select_from(table).where(key_in(columns, KEYS), is_new), {"keys": bare(keys)}
    ).scalar_one()
    if not done.rowcount == proven == len(keys):
        raise Broken(_differs("broken.followed", carried.table, len(keys), min(done.rowcount, proven)))


def _followed(
    stage: StagePlan, rule: RulePlan, column: Column, table: sa.Table, before: Before | None
) -> sa.ColumnElement[Any]:
    """What a `follows` column becomes: what its link's target became in this slice; what it followed before already;
    the followed column's present value by another way, if that is done; else a value of its own."""
    scene = stage.scene
    dialect = scene.dialect
    mine = table.c[column.name]
    options: list[sa.ColumnElement[Any]] = []
    link = link_of(scene.links, scene.policy, rule.table, column)
    if link is not None and before is not None and column.followed is not None and column.followed.column in before.new:
        new, old = before.table.c[before.new[column.followed.column]], before.table.c[column.followed.column]
        options.append(sa.select(sa.func.max(new)).where(old == mine).correlate(table).scalar_subquery())
    options.append(sa.case((column.looks_done(table, dialect), mine), else_=None))
    options.append(value_by_path(scene.schema, scene.links, column, rule.table, table, dialect))
    options.append(column.expression(table, dialect))
    return sa.case((mine.is_(None), None), else_=sa.func.coalesce(*options))


def _stage_values(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    keys: Sequence[Key],
    columns: Sequence[Column],
) -> sa.Table:
    """Make values in Python and put them, by key, into a temporary table."""
    table = rule.facts.table
    key = [table.c[c] for c in rule.facts.key]
    documents = [i for i, c in enumerate(columns) if kind_of(table.c[c.name].type) == "json"]
    old = [sa.cast(table.c[c.name], sa.Text()) if i in documents else table.c[c.name] for i, c in enumerate(columns)]
    query = sa.select(*key, *old).where(key_in(key, KEYS))
    rows = [tuple(r) for r in connection.execute(query, {"keys": bare(keys)})]
    width = len(key)
    read = [_read(r[width:], documents) for r in rows]
    made = _made(stage.scene.policy.allow, columns, read)
    made = [_written(r[width:], o, new, documents) for r, o, new in zip(rows, read, made, strict=True)]
    names = [*rule.facts.key, *(c.name for c in columns)]
    staged = database.temporary(connection, STAGED, {n: table.c[n] for n in names})
    database.fill(connection, staged, [(*row[:width], *values) for row, values in zip(rows, made, strict=True)])
    return staged


def _read(row: Sequence[Any], documents: Sequence[int]) -> list[Any]:
    """The values as strategies see them: JSON as what it means."""
    return [json.loads(v) if i in documents and v is not None else v for i, v in enumerate(row)]


def _written(text: Sequence[Any], old: Sequence[Any], new: Sequence[Any], documents: Sequence[int]) -> tuple[Any, ...]:
    """The new values as the database takes them. A document in which nothing was replaced stays letter by letter."""

    def document(i: int) -> Any:
        return text[i] if new[i] == old[i] else json.dumps(new[i], ensure_ascii=False)

    return tuple(document(i) if i in documents else value for i, value in enumerate(new))


def _made(allow: Sequence[str], columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Replacements row by row; columns of one treatment are made together, so that a name's parts fit."""
    made: list[list[Any]] = [[None] * len(columns) for _ in rows]
    for spelling in dict.fromkeys(c.bound.spelling for c in columns):
        places = [i for i, c in enumerate(columns) if c.bound.spelling == spelling]
        bound = columns[places[0]].bound
        old = [[row[i] for i in places] for row in rows]
        names = [columns[i].name for i in places]
        for row, new in zip(made, bound.strategy.make_rows(names, old, bound.argument, RANDOM, allow), strict=True):
            for place, value in zip(places, new, strict=True):
                if not bound.strategy.is_done(value, bound.argument, allow):
                    raise Broken(text("broken.not_done", strategy=bound.spelling))
                row[place] = value
    return [tuple(row) for row in made]


def _same(a: sa.ColumnElement[Any], b: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Equality that holds for NULL and for types without one (json)."""
    return sa.cast(a, sa.Text()).is_not_distinct_from(sa.cast(b, sa.Text()))


def _differs(key: str, table: str, expected: int, found: int) -> str:
    return text(key, n=expected, expected=str(expected), table=table, found=str(found))

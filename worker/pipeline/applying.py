"""apply: set-based UPDATE or DELETE of the selected keys, and the proof that each changed as it should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.base import Database
from worker.databases.facts import TableFacts
from worker.pipeline.claim import KEPT_QUERIES, KEYS
from worker.pipeline.originals import Before, joined
from worker.pipeline.staging import stage_values
from worker.pipeline.tools import Broken
from worker.plan.assigning import in_turn
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan
from worker.plan.treatments import Carry, Column, link_of, value_by_path


def delete(connection: sa.Connection, rule: RulePlan, keys: Sequence[Key]) -> None:
    """Delete exactly these rows, or raise Broken."""
    table = rule.facts.table
    these = key_in([table.c[c] for c in rule.facts.key], KEYS)
    parameters = {"keys": bare(keys)}
    gone = done = connection.execute(sa.delete(table).where(these), parameters).rowcount
    if not _is_told(connection.dialect.name, rule.facts):
        left = sa.select(sa.func.count()).select_from(table).where(these)
        gone = len(keys) - connection.execute(left, parameters).scalar_one()
    if not done == gone == len(keys):
        raise Broken(_differs("broken.deleted", rule.table, len(keys), min(done, gone)))


def depersonalise(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    keys: Sequence[Key],
    before: Before | None,
) -> None:
    """Change exactly these rows, and look that every changed column looks done; raise Broken otherwise."""
    python = [c for c in rule.columns if c.made_in_python and c.name not in _given(stage, rule, before)]
    staged = stage_values(connection, database, stage, rule, keys, python) if python else None
    change, parameters = _change(stage, rule.table, before, staged), {"keys": bare(keys)}
    if change.both is not None:
        done, proven = connection.execute(change.both, parameters).one()
    else:
        done = connection.execute(change.update, parameters).rowcount
        proven = connection.execute(change.look, parameters).scalar_one()
    if not done == proven == len(keys):
        raise Broken(_differs("broken.depersonalised", rule.table, len(keys), min(done, proven)))


@dataclass(frozen=True)
class _Change:
    """The UPDATE of a rule's rows, and how many of them look done afterwards. `both` in one statement, where the UPDATE
    itself tells that."""

    update: sa.Update
    look: sa.Select[Any]
    both: sa.Select[int, int] | None


@lru_cache(maxsize=KEPT_QUERIES)
def _change(stage: StagePlan, name: str, before: Before | None, staged: sa.Table | None) -> _Change:
    """Built once a stage: that takes longer than running it."""
    rule, dialect = stage.rule_of(name), stage.scene.dialect
    assert rule is not None
    facts = rule.facts
    table, given = facts.table, _given(stage, rule, before)
    values: dict[str, Any] = {}
    proofs: list[sa.ColumnElement[bool]] = []
    for column in rule.columns:
        made = _made_before(column, given, before, staged)
        if made is not None:  # that it looks done was asked where it was made
            values[column.name] = made
            proofs.append(_same(table.c[column.name], made))
            continue
        if column.followed is not None:
            values[column.name] = _followed(stage, rule, column, table, before)
        else:
            values[column.name] = column.expression(table, dialect)
        proofs.append(column.looks_done(table, dialect))
    these = [key_in([table.c[c] for c in facts.key], KEYS)]
    if staged is not None:
        these += joined(facts, staged, dialect)
    if given and before is not None:
        these += joined(facts, before.table, dialect)
    look = sa.select(sa.func.count()).select_from(table).where(*these, *proofs)
    values |= unstamped(facts, values)
    update = sa.update(table).where(*these)
    one_by_one = stage.scene.schema.one_by_one
    update = update.ordered_values(*in_turn(table, values)) if one_by_one else update.values(values)
    both = None
    if _is_told(dialect, facts):
        changed = update.returning(sa.and_(sa.true(), *proofs).label("proven")).cte("merzim_changed")
        both = sa.select(sa.func.count(), sa.func.count().filter(changed.c.proven)).select_from(changed)
    return _Change(update, look, both)


def _is_told(dialect: str, facts: TableFacts) -> bool:
    """Whether what a statement tells of the rows it changed is how they stand: no trigger has the last word."""
    return dialect == "postgresql" and facts.kind == "table" and not facts.triggers and not facts.heirs


def _made_before(
    column: Column, given: Mapping[str, str], before: Before | None, staged: sa.Table | None
) -> sa.ColumnElement[Any] | None:
    """The column's new value, where it was made before the UPDATE."""
    if column.name in given and before is not None:
        return before.table.c[given[column.name]]
    return staged.c[column.name] if column.made_in_python and staged is not None else None


def _given(stage: StagePlan, rule: RulePlan, before: Before | None) -> dict[str, str]:
    """The subject's columns whose new values were made beforehand."""
    return before.new if before is not None and rule.table == stage.scene.policy.subject.table else {}


def unstamped(facts: TableFacts, values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that the database would set to the present moment by itself, kept as they are."""
    return {name: facts.table.c[name] for name in facts.stamped if name not in values}


def carry(connection: sa.Connection, carried: Carry, facts: TableFacts, keys: Sequence[Key], before: Before) -> None:
    """Give link columns the new value of what they join, in the same transaction; raise Broken if one was missed."""
    table = facts.table
    columns = [table.c[c] for c in facts.key]
    column = table.c[carried.column]
    new, old = before.table.c[before.new[carried.followed]], before.table.c[carried.followed]
    value = sa.select(sa.func.max(new)).where(old == column).correlate(table).scalar_subquery()
    values = {carried.column: value} | unstamped(facts, {carried.column: value})
    done = connection.execute(sa.update(table).where(key_in(columns, KEYS)).values(values), {"keys": bare(keys)})
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


def _same(a: sa.ColumnElement[Any], b: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Equality that holds for NULL and for types without one (json)."""
    return sa.cast(a, sa.Text()).is_not_distinct_from(sa.cast(b, sa.Text()))


def _differs(key: str, table: str, expected: int, found: int) -> str:
    return text(key, n=expected, expected=str(expected), table=table, found=str(found))

"""Which rows of which tables go with a slice's units: selected once, locked, and from then on known by key only.

Deleting a child changes what the predicate sees, so nothing after this asks the predicate again (DESIGN, step 6).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from worker.databases.base import Database
from worker.pipeline.claim import KEPT_QUERIES, KEYS, PEOPLE, Claim
from worker.plan.calendar import Test
from worker.plan.key_lists import bare, key_in, key_not_in, keys_named
from worker.plan.keys import Key
from worker.plan.leftovers import RUN
from worker.plan.links import true
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan
from worker.plan.treatments import Carry

AMONG = keys_named("among")


def select_rows(
    connection: sa.Connection,
    database: Database,
    stage: StagePlan,
    rule: RulePlan,
    claim: Claim,
    done: Mapping[str, Sequence[Key]],
    limit: int,
    run: str | None,
) -> list[Key]:
    """Keys of the rule's rows to act on, in key order, locked (but for a plan, which has no `run` and only counts
    them). `done`: keys that this slice acts on before, by table. Rows that an earlier part of the same unit changed in
    this run are left out, though they may not look it. At most `limit` + 1 keys come back: the caller sees if there are
    more."""
    parameters = _parameters(rule, claim, done, run) | {"most": limit + 1}
    before = tuple(done) if rule.deletes else ()
    query = (
        _rows_query(stage, rule.table, before, False) if run is None else _locking(database, stage, rule.table, before)
    )
    found = [tuple(r) for r in connection.execute(query, parameters).all()]
    return without_others(connection, stage, rule.table, found, claim)


@lru_cache(maxsize=KEPT_QUERIES)
def _locking(database: Database, stage: StagePlan, table: str, done: tuple[str, ...]) -> sa.Select[Any]:
    return database.locked(_rows_query(stage, table, done, False), skip=False)


def still_selected(
    connection: sa.Connection,
    stage: StagePlan,
    rule: RulePlan,
    claim: Claim,
    done: Mapping[str, Sequence[Key]],
    keys: Sequence[Key],
    run: str,
) -> list[Key]:
    """Of the keys that `select_rows` found, those that it would find now."""
    parameters = _parameters(rule, claim, done, run) | {"among": bare(keys)}
    query = _rows_query(stage, rule.table, tuple(done) if rule.deletes else (), True)
    found = [tuple(r) for r in connection.execute(query, parameters).all()]
    return without_others(connection, stage, rule.table, found, claim)


def _parameters(rule: RulePlan, claim: Claim, done: Mapping[str, Sequence[Key]], run: str | None) -> dict[str, Any]:
    before = {f"done_{i}": bare(keys) for i, keys in enumerate(done.values())} if rule.deletes else {}
    return {"keys": bare(claim.units), **before, **({} if rule.tells else {"run": run or ""})}


@lru_cache(maxsize=KEPT_QUERIES)
def _rows_query(stage: StagePlan, table: str, done: tuple[str, ...], again: bool) -> sa.Select[Any]:
    scene = stage.scene
    rule = stage.rule_of(table)
    assert rule is not None
    row = scene.links.alias(table)
    key = scene.key(table, row)
    tests = [stage.rows(rule, row, lambda unit: key_in(scene.key(stage.unit, unit), KEYS))]
    if not rule.tells:
        tests.append(sa.not_(stage.remembered(rule, row, RUN)))
    if rule.deletes:
        names = {name: keys_named(f"done_{i}") for i, name in enumerate(done)}
        tests.append(sa.not_(stage.referred_to(rule, row, names)))
    query = sa.select(*key).select_from(row).where(*tests).order_by(*key)
    if again:
        return query.where(key_in(key, AMONG))
    return query.limit(sa.bindparam("most", type_=sa.Integer()))


def selection_queries(stage: StagePlan) -> list[sa.Select[Any]]:
    """The large ones of `select_rows`, built once a stage."""
    others = [_others_query(stage, rule.table) for rule in stage.rules]
    return [*_in_order(stage, again=False).values(), *(query for query in others if query is not None)]


def again_queries(stage: StagePlan, needed: Callable[[str], bool]) -> list[sa.Select[Any]]:
    """The large ones of `still_selected`, for the tables for which they are needed."""
    return [query for table, query in _in_order(stage, again=True).items() if needed(table)]


def _in_order(stage: StagePlan, again: bool) -> dict[str, sa.Select[Any]]:
    tables = [rule.table for rule in stage.rules]
    return {
        r.table: _rows_query(stage, r.table, tuple(tables[:n] if r.deletes else ()), again)
        for n, r in enumerate(stage.rules)
    }


def without_referred(connection: sa.Connection, stage: StagePlan, rule: RulePlan, found: Sequence[Key]) -> list[Key]:
    """For a delete: the rows to which only rows of the same table refer that go as well. Leaving one out may keep
    another: it is asked again until nothing changes."""
    keys = list(found)
    if not rule.deletes or not any(fk.target == rule.table for fk in rule.facts.foreign_keys):
        return keys
    while keys:
        kept = {tuple(r) for r in connection.execute(_referred_query(stage, rule.table), {"keys": bare(keys)}).all()}
        if not kept:
            break
        keys = [k for k in keys if k not in kept]
    return keys


@lru_cache(maxsize=KEPT_QUERIES)
def _referred_query(stage: StagePlan, table: str) -> sa.Select[Any]:
    rule = stage.rule_of(table)
    assert rule is not None
    row = stage.scene.links.alias(table)
    key = stage.scene.key(table, row)
    return sa.select(*key).select_from(row).where(key_in(key, KEYS), stage.referred_to_by_kin(rule, row, KEYS))


def without_others(
    connection: sa.Connection, stage: StagePlan, table: str, found: Sequence[Key], claim: Claim
) -> list[Key]:
    """The rows without those that belong to somebody else who is not due (promise 5). The others whose being due was
    relied on join the people looked at once more before COMMIT."""
    scene = stage.scene
    query = _others_query(stage, table)
    if query is None or not found:
        return list(found)
    strangers = {tuple(r) for r in connection.execute(query, {"keys": bare(found), "people": bare(claim.people)}).all()}
    if not strangers:
        return list(found)
    asked = connection.execute(_not_due_query(stage), {"people": bare(list(strangers))})
    active = [tuple(r) for r in asked]
    claim.relied_on.update(strangers.difference(active))
    if not active:
        return list(found)
    row = scene.links.alias(table)
    columns = scene.key(table, row)
    theirs = stage.belongs_to(table, row, lambda person: key_in(scene.key(scene.subject, person), PEOPLE))
    query = sa.select(*columns).where(key_in(columns, KEYS), theirs)
    kept = {tuple(r) for r in connection.execute(query, {"keys": bare(found), "people": bare(active)}).all()}
    return [k for k in found if k not in kept]


@lru_cache(maxsize=KEPT_QUERIES)
def _others_query(stage: StagePlan, table: str) -> sa.Select[Any] | None:
    """Keys of the people whom rows of the table belong to besides those claimed."""
    scene = stage.scene
    owners = stage.owners(table, lambda row: key_in(scene.key(table, row), KEYS))
    if owners is None:
        return None
    owner = owners.subquery()
    keys = [owner.c[c] for c in scene.schema.tables[scene.subject].key]
    return sa.select(*keys).where(key_not_in(keys, PEOPLE))


@lru_cache(maxsize=KEPT_QUERIES)
def _not_due_query(stage: StagePlan) -> sa.Select[Any]:
    scene = stage.scene
    those = stage.people.those(lambda row: key_in(scene.key(scene.subject, row), PEOPLE))
    return stage.people.not_due(those, stage.person_cutoff)


def select_carried(
    connection: sa.Connection, database: Database, stage: StagePlan, step: Carry, claim: Claim, before: sa.Table
) -> list[Key]:
    """Rows whose link column must change together with the subject's column that it joins: those that lead to the
    claimed people by it, and that no hold and no other person keeps."""
    scene = stage.scene
    row = scene.links.alias(step.table)
    key = scene.key(step.table, row)
    old = before.c[step.followed]
    tests: list[Test] = [row.c[step.column].in_(sa.select(old).where(old.is_not(None)))]
    if step.step.where is not None:
        tests.append(true(step.step.where))
    query = sa.select(*key).select_from(row).where(*tests, stage.row_is_free(step.table, row)).order_by(*key)
    found = [tuple(r) for r in connection.execute(database.locked(query, skip=False)).all()]
    return without_others(connection, stage, step.table, found, claim)

"""Whose files wait in the outbox, and whether a hold covers them by now (promise 7: held means untouched, files too).

The rows are gone, or no longer name the file, but the ledger knows which units a slice has done. Where it cannot (rows
that were deleted by their own clock leave no tombstone), a hold on any person that was placed since keeps the files:
it may be theirs.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from worker.ledger.holds import in_force
from worker.plan.calendar import Test
from worker.plan.links import exists
from worker.plan.people import People
from worker.plan.scene import Scene
from worker.plan.stages import StagePlan

Slice = tuple[str, int, int]
"""(run, batch, slice)."""


def held_slices(connection: sa.Connection, scene: Scene, slices: Iterable[Slice]) -> set[Slice]:
    """Those whose units, or the people whom they belong to, are held or blocked now."""
    people = People(scene)
    return {place for place in slices if _is_held(connection, scene, people, place)}


def _is_held(connection: sa.Connection, scene: Scene, people: People, place: Slice) -> bool:
    entry = scene.ledger.entry
    query = sa.select(entry.c.stage, entry.c.committed_at).where(
        entry.c.run_id == place[0], entry.c.batch == place[1], entry.c.slice == place[2]
    )
    name, committed_at = connection.execute(query).one()
    if name not in scene.policy.stages:
        return _held_since(connection, scene, committed_at)
    stage = StagePlan(scene, people, scene.policy.stages[name])
    if _table_is_held(connection, scene, [r.table for r in stage.rules if r.rule.files is not None]):
        return True
    if not stage.is_remembered:
        return _held_since(connection, scene, committed_at)
    unit_is = partial(_done_in, stage, place)
    persons = people.those(unit_is if stage.by_person else partial(_owns, stage, unit_is))
    return _any(connection, people.holds(persons)) or _any(connection, _held_units(stage, unit_is))


def _done_in(stage: StagePlan, place: Slice, unit: sa.FromClause) -> Test:
    """Whether the slice has done this unit."""
    stone = stage.scene.ledger.tombstone.alias()
    here = (stone.c.run_id == place[0], stone.c.batch == place[1], stone.c.slice == place[2])
    return exists(stone, stone.c.stage == stage.qualified, *here, stage.scene.match(stone, stage.unit, unit))


def _owns(stage: StagePlan, unit_is: Any, person: sa.FromClause) -> Test:
    """Whether one of the units belongs to the person."""
    links = stage.scene.links
    paths = [p for p in links.to_people(stage.unit) if p.steps]
    return sa.or_(sa.false(), *(links.reached_from(p, person, unit_is) for p in paths))


def _held_units(stage: StagePlan, unit_is: Any) -> sa.Select[Any]:
    """Units that are held themselves."""
    unit = stage.units()
    query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(unit)
    return query.where(unit_is(unit), sa.not_(stage.row_is_free(stage.unit, unit)))


def _held_since(connection: sa.Connection, scene: Scene, committed_at: datetime) -> bool:
    """Whether somebody was put under a hold since; one from before was respected by the slice itself."""
    held = scene.ledger.hold
    tests = (in_force(held, scene.now_utc), held.c.scope == "person", held.c.placed_at >= committed_at)
    return _any(connection, sa.select(held.c.id).where(*tests))


def _table_is_held(connection: sa.Connection, scene: Scene, tables: Sequence[str]) -> bool:
    held = scene.ledger.hold
    tests = (in_force(held, scene.now_utc), held.c.scope == "table", held.c.table_name.in_(tables))
    return _any(connection, sa.select(held.c.id).where(*tests))


def _any(connection: sa.Connection, query: sa.Select[Any]) -> bool:
    return connection.execute(query.limit(1)).first() is not None

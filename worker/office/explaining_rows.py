"""explain: how a row stands to people and to the units of stages."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from worker.plan.calendar import Test
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.links import true
from worker.plan.people import People
from worker.plan.scene import RowTest, Scene
from worker.plan.stages import StagePlan


def has_key(scene: Scene, table: str, keys: Sequence[Key], row: sa.FromClause) -> Test:
    """Whether a row has one of these keys."""
    return key_in(scene.key(table, row), bare(keys))


def any_row(connection: sa.Connection, row: sa.FromClause, test: RowTest) -> bool:
    """Whether some row passes the test."""
    query: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(row).where(test(row))
    return connection.execute(query).first() is not None


def twins_of(connection: sa.Connection, people: People, key: Key) -> list[Key]:
    """Keys of the other rows of the same person."""
    scene = people.scene
    row = scene.links.alias(scene.subject)
    columns = scene.key(scene.subject, row)
    same = people.of_same_person(row, partial(has_key, scene, scene.subject, [key]))
    query = sa.select(*columns).select_from(row).where(same).order_by(*columns)
    return [tuple(found) for found in connection.execute(query)]


def owners_of_row(connection: sa.Connection, scene: Scene, table: str, is_row: RowTest) -> list[Key]:
    """Keys of the people whom a row of the table belongs to, over any link."""
    each = []
    for path in scene.links.to_people(table):
        person = scene.links.alias(scene.subject)
        query = sa.select(*scene.key(scene.subject, person)).select_from(person)
        each.append(query.where(scene.links.reached_from(path, person, is_row)))
    return sorted((tuple(row) for row in connection.execute(sa.union(*each))), key=str) if each else []


def units_of_row(stage: StagePlan, table: str, is_row: RowTest) -> RowTest:
    """Tests the units of a stage that a row of the table goes with."""
    if table == stage.unit:
        return is_row
    links = stage.scene.links
    paths = links.finding(table, stage.unit)
    return lambda unit: sa.or_(sa.false(), *(links.reached_from(p, unit, is_row) for p in paths))


def selects(connection: sa.Connection, stage: StagePlan, table: str, is_row: RowTest) -> bool:
    """Whether the stage is about the row: as its unit, or as one of those that it acts on."""
    rule = stage.rule_of(table)
    if rule is None or rule.rule.where is None:
        return rule is not None or stage.unit == table
    return any_row(connection, stage.scene.links.filtered(table, true(rule.rule.where)), is_row)

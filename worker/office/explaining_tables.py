"""explain: which rows of which tables are one person's."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from worker.plan.calendar import Test
from worker.plan.check_names import tables_named
from worker.plan.key_lists import key_in_query
from worker.plan.links import Path, not_false, true
from worker.plan.scene import RowTest, Scene
from worker.reports.person import TableFacts

Condition = Callable[[str], Test]


def belongs(scene: Scene, table: str, is_person: RowTest, row: sa.FromClause) -> Test:
    """Whether a row of the table is the person's, over any link."""
    return _led_by(scene, table, scene.links.to_people(table), is_person, row, not_false)


def tables_of(connection: sa.Connection, scene: Scene, is_person: RowTest) -> list[TableFacts]:
    """Every table that the policy names and that leads to people: how many of its rows are this person's, also of those
    that are kept."""
    found = []
    for table in sorted(tables_named(scene.policy)):
        if table in scene.schema.tables and scene.links.to_people(table):
            found.append(_table(connection, scene, table, is_person))
    return found


def _table(connection: sa.Connection, scene: Scene, table: str, is_person: RowTest) -> TableFacts:
    every, finding = scene.links.to_people(table), scene.links.finding(table, scene.subject)
    rules = [s.tables[table] for s in scene.policy.stages.values() if table in s.tables]
    others = [sa.not_(true(rule.where)) for rule in rules if rule.where is not None]

    def count(paths: Sequence[Path], condition: Condition, *tests: Test) -> int:
        row = scene.links.filtered(table, *tests)
        query = sa.select(sa.func.count()).select_from(row)
        return int(connection.scalar(query.where(_led_by(scene, table, paths, is_person, row, condition))) or 0)

    rows = count(finding, true)
    return TableFacts(
        table=table,
        rows=rows,
        maybe=count(every, not_false) - rows,
        in_no_stage=count(finding, true, *others) if len(others) == len(rules) else 0,
        ignored=scene.policy.ignore.get(table),
    )


def _led_by(
    scene: Scene, table: str, paths: Sequence[Path], is_person: RowTest, row: sa.FromClause, condition: Condition
) -> Test:
    """As one list of keys, as `StageRows.belongs` has it: several INs joined by OR make a planner read whole tables."""
    links = scene.links
    if len(paths) < 2 or not scene.schema.tables[table].key:
        return sa.or_(sa.false(), *(links.found_by(path, row, is_person, condition) for path in paths))
    each = []
    for path in paths:
        inner = links.alias(table)
        query = sa.select(*scene.key(table, inner)).select_from(inner)
        each.append(query.where(links.found_by(path, inner, is_person, condition)))
    return key_in_query(scene.key(table, row), sa.union(*each))

"""hold: rows that a slice need not change, but over which its rows lead to people, to units or to what may hold them.

Nothing but a lock keeps such a row where it was when it was looked at: a visit that becomes somebody else's takes its
remarks with it, and a remark that is deleted then was not the first one's any more. They are locked shared, until the
slice's transaction ends, and what was decided over them is asked once more (`verifying`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import sqlalchemy as sa

from worker.databases.base import Database
from worker.pipeline.claim import KEPT_QUERIES, KEYS
from worker.plan.calendar import Test
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.links import Path, Step, not_false
from worker.plan.stages import StagePlan

Queries = tuple[sa.Select[Any], ...]
Walk = Callable[[Path, sa.FromClause, Callable[[sa.FromClause], Test]], Test]


def hold_between(connection: sa.Connection, database: Database, queries: Queries, keys: Sequence[Key]) -> None:
    """Lock what the queries find for rows with these keys."""
    for query in queries if keys else ():
        connection.execute(database.locked(query, skip=False, shared=True), {"keys": bare(keys)}).all()


@lru_cache(maxsize=KEPT_QUERIES)
def between_rows(stage: StagePlan, table: str) -> Queries:
    """What lies between rows of a table and units or people (these are locked themselves, or asked about once more
    before COMMIT); and what may hold such a row."""
    links = stage.scene.links
    leading = [path.steps[:-1] for path in (*links.to_people(table), *links.finding(table, stage.unit))]
    return _ahead(stage, table, [*leading, *(path.steps for _, path, _ in stage.holds_reached(table))])


@lru_cache(maxsize=KEPT_QUERIES)
def between_events(stage: StagePlan) -> Queries:
    """In a stage by rows: other rows whose events count for units, and what lies between."""
    links, unit = stage.scene.links, stage.unit
    others = [] if stage.by_person else [m.table for m in stage.moments[1:]]
    ahead = [path.steps for table in others for path in links.paths(unit, table)]
    behind = [path.steps for table in others for path in links.paths(table, unit)]
    return (*_ahead(stage, unit, ahead), *_behind(stage, unit, behind))


def between_queries(stage: StagePlan) -> list[sa.Select[Any]]:
    """All of a stage, built once."""
    return [*(query for rule in stage.rules for query in between_rows(stage, rule.table)), *between_events(stage)]


def _ahead(stage: StagePlan, table: str, paths: Sequence[tuple[Step, ...]]) -> Queries:
    """The rows at the end of each step of paths that begin at the table. Nearest first: only a locked row says which is
    the next."""
    beginnings = sorted({steps[: n + 1] for steps in paths for n in range(len(steps))}, key=len)
    walk = stage.scene.links.reached_from
    found = [_query(stage, steps[-1].target, walk, steps, table) for steps in beginnings]
    return tuple(query for query in found if query is not None)


def _behind(stage: StagePlan, table: str, paths: Sequence[tuple[Step, ...]]) -> Queries:
    """The same for the beginning of each step of paths that end at the table."""
    ends = sorted({steps[n:] for steps in paths for n in range(len(steps))}, key=len)
    walk = partial(stage.scene.links.found_by, condition=not_false)
    found = [_query(stage, steps[0].source, walk, steps, table) for steps in ends]
    return tuple(query for query in found if query is not None)


def _query(stage: StagePlan, table: str, walk: Walk, steps: tuple[Step, ...], known: str) -> sa.Select[Any] | None:
    """Rows of the table from where the steps lead to, or come from, known ones. No row of a view can be locked."""
    scene = stage.scene
    if not scene.schema.tables[table].changeable:
        return None
    row = scene.links.alias(table)
    test = walk(Path(steps), row, lambda end: key_in(scene.key(known, end), KEYS))
    return sa.select(sa.literal_column("1")).select_from(row).where(test).order_by(*scene.key(table, row))

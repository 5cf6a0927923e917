"""explain: every hold on a person or a row, with its own id, reason, author, scope and end."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from worker.ledger.holds import PlacedHold, in_force
from worker.plan.calendar import Test
from worker.plan.keys import Key
from worker.plan.people import People
from worker.plan.ranks import BLOCKED, BY_HAND
from worker.plan.scene import RowTest, Scene
from worker.reports.person import Condition
from worker.reports.reasons import HELD

RowsOf = Callable[[str], RowTest]


def holds_on(
    connection: sa.Connection, scene: Scene, people: Iterable[Key], tables: Sequence[str], rows_of: RowsOf
) -> list[PlacedHold]:
    """Holds by hand in force, oldest first: on these people, on whole `tables`, and on the rows of any of `tables` that
    `rows_of(table)` accepts."""
    held = scene.ledger.hold
    covers: list[Test] = [sa.and_(held.c.scope == "table", held.c.table_name.in_(tables))]
    codec = scene.codec(scene.subject)
    for key in people:
        number, written = codec.columns_of(key)
        same = sa.and_(held.c.key_number == number, held.c.key_text == written)
        covers.append(sa.and_(held.c.scope == "person", held.c.table_name == scene.subject, same))
    for table in _with_row_holds(connection, scene, tables):
        row = scene.links.alias(table)
        reached: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
            scene.match(held, table, row), rows_of(table)(row)
        )
        covers.append(sa.and_(held.c.scope == "row", held.c.table_name == table, sa.exists(reached.correlate(held))))
    query = held.select().where(in_force(held, scene.now_utc), sa.or_(*covers))
    return [PlacedHold(**row) for row in connection.execute(query.order_by(held.c.placed_at, held.c.id)).mappings()]


def conditions_on(connection: sa.Connection, scene: Scene, people: People, persons: sa.FromClause) -> list[Condition]:
    """Blocks, and holds of the policy, that cover the person as a whole."""
    found = []
    for state, rows in connection.execute(people.holds(persons)):
        if state == BLOCKED:
            found.append(Condition(None, "", rows))
        elif state != BY_HAND:
            name = state.removeprefix(HELD)
            found.append(Condition(name, scene.policy.holds[name].basis, rows))
    return found


def _with_row_holds(connection: sa.Connection, scene: Scene, tables: Sequence[str]) -> list[str]:
    held = scene.ledger.hold
    query = sa.select(held.c.table_name).where(held.c.scope == "row", in_force(held, scene.now_utc)).distinct()
    return sorted(set(connection.scalars(query)).intersection(tables))

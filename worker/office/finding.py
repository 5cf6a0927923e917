"""Who somebody is: people by an identifier in any spelling. The only place where a value is compared in Python."""

from typing import Any

import sqlalchemy as sa

from worker.identifiers.email import normalise_email
from worker.identifiers.iin import normalise_iin
from worker.identifiers.phone import normalise_phone
from worker.plan.calendar import Test
from worker.plan.keys import Key
from worker.plan.scene import Scene

AT_ONCE = 1_000  # rows read from the database
NORMAL = {"iin": normalise_iin, "email": normalise_email, "phone": normalise_phone}


def find_people(connection: sa.Connection, scene: Scene, written: str) -> list[Key]:
    """Keys of the people who have this IIN, e-mail or phone, in any spelling, in the subject's own columns."""
    facts = scene.schema.tables[scene.subject]
    key = [facts.table.c[c] for c in facts.key]
    found: dict[Key, None] = {}
    for kind, places in scene.policy.identifiers.items():
        value = NORMAL[kind](written) if kind in NORMAL else None
        if value is None:
            continue
        for (reference,) in (c for c in places if len(c) == 1 and c[0].table == scene.subject):
            column = facts.column(reference.column)
            query = sa.select(*key, column).where(column.is_not(None), *_roughly(kind, value, column))
            for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
                if NORMAL[kind](str(row[-1])) == value:
                    found[tuple(row[:-1])] = None
    return list(found)


def _roughly(kind: str, value: str, column: sa.ColumnElement[Any]) -> list[Test]:
    """What every spelling of an IIN or phone has: its last digits in this order, whatever stands between them. Of an
    e-mail each letter may be another one that looks the same."""
    if kind == "email":
        return []
    return [sa.cast(column, sa.Text()).like("%" + "%".join(value[-4:]) + "%")]

"""Values that Python makes: in bulk into a temporary table, which is also what the proof compares with."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.databases.base import Database
from worker.pipeline.claim import KEYS
from worker.pipeline.originals import RANDOM
from worker.pipeline.tools import Broken
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key
from worker.plan.rows import RulePlan
from worker.plan.stages import StagePlan
from worker.plan.treatments import Column
from worker.strategies.kinds import kind_of

STAGED = "merzim_staged"


def stage_values(
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
    rows = [tuple(r) for r in connection.execute(query, {"keys": bare(keys)}).all()]
    width = len(key)
    read = [_read(r[width:], documents) for r in rows]
    made = _made(stage.scene.policy.allow, columns, read)
    made = [_written(r[width:], o, new, documents) for r, o, new in zip(rows, read, made, strict=True)]
    names = [*rule.facts.key, *(c.name for c in columns)]
    # A name for each rule: a slice may make values for several tables, all in one transaction.
    staged = database.temporary(connection, f"{STAGED}_{stage.rules.index(rule)}", {n: table.c[n] for n in names})
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

"""archive: rows leave as the database itself writes them, into one sealed segment a slice (clause 3.4)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from config.names import split_table
from worker.archive.format import Column, TableHeader
from worker.archive.segment import SegmentWriter
from worker.databases.base import Database
from worker.databases.facts import TableFacts
from worker.pipeline.claim import KEPT_QUERIES, KEYS
from worker.plan.key_lists import bare, key_in
from worker.plan.keys import Key


def copy_rows(
    connection: sa.Connection,
    database: Database,
    writer: SegmentWriter,
    facts: TableFacts,
    operation: str,
    keys: Sequence[Key],
) -> None:
    """Append the rows with these keys, every column of them, to the segment."""
    if not keys:
        return
    schema, name = split_table(facts.name)
    columns = tuple(Column(c.name, facts.types[c.name]) for c in facts.table.c)
    writer.table(TableHeader(name, schema, facts.key, columns, database.encoding, operation))
    for chunk in database.rows_out(connection, _whole_rows(facts.table, facts.key), bare(keys)):
        writer.rows(chunk)


@lru_cache(maxsize=KEPT_QUERIES)
def _whole_rows(table: sa.Table, names: tuple[str, ...]) -> sa.Select[Any]:
    key = [table.c[c] for c in names]
    return sa.select(*table.c).where(key_in(key, KEYS)).order_by(*key)

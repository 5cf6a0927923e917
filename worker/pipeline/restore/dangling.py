"""References of rows put back that lead nowhere. SQLite looks at those that were put off only when a transaction ends,
which one that only tries never does, and then it does not say which they are."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from worker.databases.facts import ForeignKey, Schema
from worker.pipeline.restore.loading import Loaded

NOT_DEFERRED = ("sqlite", "mysql")
"""Dialects that do not say at the end of a transaction which references lead nowhere."""


def dangling(connection: sa.Connection, schema: Schema, tables: Sequence[Loaded]) -> list[str]:
    """Each such reference as "table → target"; empty on a database that looked itself."""
    return list(dict.fromkeys(_dangling(connection, schema, tables))) if schema.dialect in NOT_DEFERRED else []


def _dangling(connection: sa.Connection, schema: Schema, tables: Sequence[Loaded]) -> Iterator[str]:
    for one in tables:
        for fk in one.facts.foreign_keys if one.facts else ():
            if fk.target in schema.tables and connection.execute(_query(schema, one, fk)).first() is not None:
                yield f"{one.name} → {fk.target}"


def _query(schema: Schema, one: Loaded, fk: ForeignKey) -> sa.Select[int]:
    assert one.facts is not None
    assert one.scratch is not None
    live, copy, target = one.facts.table.alias(), one.scratch, schema.tables[fk.target].table.alias()
    same = sa.and_(*(live.c[c] == copy.c[c] for c in one.facts.key))
    whole = [live.c[c].is_not(None) for c in fk.columns]
    found = [target.c[b] == live.c[a] for a, b in zip(fk.columns, fk.target_columns, strict=True)]
    there = sa.exists(sa.select(sa.literal_column("1")).select_from(target).where(*found).correlate(live))
    return (
        sa.select(sa.literal_column("1", sa.Integer)).select_from(copy.join(live, same)).where(*whole, ~there).limit(1)
    )

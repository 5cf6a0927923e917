"""Joins that start from few rows, and how each database is kept from reading whole tables for them."""

import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

ALIAS = re.compile(r' AS ("(?:[^"]|"")*"|[^\s"]+)$')  # every name a table may have, one with " AS " in it, too


class InOrder(sa.Join):
    """A join that starts at its left side, which is known to be small, and finds each row of the right side by index.
    A planner that guesses would read a whole table instead: SQLite takes the result of a query for large, PostgreSQL
    knows nothing yet of rows that the night has just written."""

    inherit_cache = True


@compiles(InOrder, "sqlite")
def _in_order(element: InOrder, compiler: SQLCompiler, **more: Any) -> str:
    left, right, condition = _parts(element, compiler, more)
    few = element.left
    while isinstance(few, sa.Join):
        few = few.left
    return f"{left} CROSS JOIN {right} ON {condition} AND {compiler.process(sees_few(next(iter(few.c))))}"


@compiles(InOrder, "postgresql")
def _one_by_one(element: InOrder, compiler: SQLCompiler, **more: Any) -> str:
    left, right, condition = _parts(element, compiler, more)
    (name,) = ALIAS.findall(right)
    # OFFSET 0 keeps the planner from turning it back into a join that it may carry out in any way.
    found = f"SELECT * FROM {right} WHERE {condition} OFFSET 0"  # noqa: S608  # the compiler's own texts
    return f"{left} CROSS JOIN LATERAL ({found}) AS {name}"


def _parts(element: InOrder, compiler: SQLCompiler, more: dict[str, Any]) -> tuple[str, str, str]:
    """Both sides, the right one under a name of its own, and the condition."""
    assert element.onclause is not None
    left = compiler.process(element.left, **{**more, "asfrom": True})
    right = compiler.process(element.right, **{**more, "asfrom": True})
    return left, right, compiler.process(element.onclause, **{k: v for k, v in more.items() if k != "asfrom"})


def sees_few(key: sa.ColumnElement[Any]) -> Any:
    """Always true of a key, and tells SQLite that its table has few rows. Of a temporary table or a query it expects
    a million, and it reads the whole of what is joined to them for a Bloom filter."""
    return sa.func.likelihood(key.is_not(None), sa.literal_column("0.00001"))  # a Boolean would be compared with 1

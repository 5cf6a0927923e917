"""UPDATEs where each assignment sees what those before it have changed (MySQL): what reads a column then comes before
what changes it. In every other database all of them see the row as it was."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors


def in_turn(table: sa.Table, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(column, value) in an order in which each value sees its row as it was. Those that read each other come last:
    links that `follow`, of which one that leads to somebody done stays as it is."""
    waiting = {name: _read(table, value) & values.keys() - {name} for name, value in values.items()}
    order: list[tuple[str, Any]] = []
    while free := [name for name in waiting if name not in set().union(*waiting.values())]:
        order += [(name, values[name]) for name in free]
        for name in free:
            del waiting[name]
    return order + [(name, values[name]) for name in waiting]


def _read(table: sa.Table, value: Any) -> set[str]:
    """The columns of the table's own row that a value is made of, subqueries included."""
    if not isinstance(value, sa.ClauseElement):
        return set()
    found = (e for e in visitors.iterate(value) if isinstance(e, sa.Column))
    return {column.name for column in found if column.table is table}

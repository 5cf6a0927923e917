"""What a temporary table looks like to SQLAlchemy: described once, however often a slice makes it anew.

The same description gives the same statements, which are then compiled once instead of once a slice.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

QUERIES_KEPT = 200  # compiled statements an engine keeps; some of ours take half a megabyte


def described(name: str, schema: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
    """A table of this name in the session's temporary schema, with the types of the live columns."""
    return _described(name, schema, tuple(columns.items()))


@lru_cache(maxsize=QUERIES_KEPT)
def _described(name: str, schema: str, columns: tuple[tuple[str, sa.Column[Any]], ...]) -> sa.Table:
    return sa.Table(name, sa.MetaData(), *(sa.Column(label, live.type) for label, live in columns), schema=schema)

"""A list as one parameter of PostgreSQL, written out at once: the driver would look at each value, one by one, which
for the keys of a slice takes longer than finding their rows."""

from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY


class ListOf(sa.types.TypeDecorator[list[Any]]):
    """An array of this type of values, whose str() is what PostgreSQL reads."""

    impl = ARRAY
    cache_ok = True

    def __init__(self, item: sa.types.TypeEngine[Any]) -> None:
        super().__init__(item)
        self.item = item

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], str]:
        """As PostgreSQL writes arrays."""
        return written


def written(values: Iterable[Any]) -> str:
    """PostgreSQL's text of an array."""
    values = list(values)
    if set(map(type, values)) == {int}:
        return f"{{{','.join(map(str, values))}}}"
    each = {value: _one(value) for value in set(values)}  # of flags and empty texts there are few
    return f"{{{','.join(map(each.__getitem__, values))}}}"


def _one(value: Any) -> str:
    if isinstance(value, int):
        return str(value)  # yes and no are read as well
    if value is None:
        return "NULL"
    quoted = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'

"""What a column holds, as far as a strategy cares."""

from typing import Any, Literal, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

Kind = Literal[
    "text",
    "integer",
    "number",
    "boolean",
    "date",
    "timestamp",
    "uuid",
    "json",
    "inet",
    "bytes",
    "array",
    "other",
]
ALL_KINDS: frozenset[Kind] = frozenset(get_args(Kind))

# The first that fits. SQLAlchemy's Enum is a String and its Interval wraps a DateTime: not to us.
_KINDS: tuple[tuple[Kind, tuple[type[Any], ...]], ...] = (
    ("other", (sa.Enum, sa.Interval, mysql.SET)),
    ("json", (sa.JSON,)),
    ("array", (sa.ARRAY,)),
    ("inet", (postgresql.INET, postgresql.CIDR)),
    ("boolean", (sa.Boolean,)),
    ("uuid", (sa.Uuid,)),
    ("bytes", (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB)),
    ("integer", (sa.Integer,)),
    ("number", (sa.Numeric, sa.Float)),
    ("timestamp", (sa.DateTime,)),
    ("date", (sa.Date,)),
    ("text", (sa.String,)),
)


def kind_of(type_: sa.types.TypeEngine[Any]) -> Kind:
    """The kind of a reflected column type; a PostgreSQL domain is what it is made of."""
    if isinstance(type_, postgresql.DOMAIN):
        return kind_of(sa.types.to_instance(type_.data_type))
    known = next((kind for kind, classes in _KINDS if isinstance(type_, classes)), None)
    if known is None and isinstance(type_, sa.TypeDecorator):
        return kind_of(type_.impl_instance)
    return known or "other"

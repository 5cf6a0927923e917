"""Rows of MariaDB as lines: one JSON array a row, each value in the words in which the server takes it back exactly."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

_BYTES = (sa.LargeBinary, sa.BINARY, sa.VARBINARY, mysql.TINYBLOB, mysql.MEDIUMBLOB, mysql.LONGBLOB, mysql.BIT)


class Vector(sa.types.NullType):
    """A type that SQLAlchemy does not know, and would stumble over since it has a length."""

    def __init__(self, dimensions: int | None = None) -> None:
        self.dimensions = dimensions


mysql.base.ischema_names.setdefault("vector", Vector)


def as_words(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The value as text. Bytes, bits and types that have no text of their own leave as they are: bytes."""
    kind = column.type
    if isinstance(kind, (*_BYTES, sa.types.NullType)):
        return sa.type_coerce(sa.cast(column, sa.BINARY()), sa.LargeBinary())
    if isinstance(kind, sa.Float):
        # The text of a FLOAT has six digits; as a DOUBLE it has all that it needs.
        return sa.cast(column + sa.literal_column("0E0"), sa.Text())
    return sa.cast(column, sa.Text())


def line(row: Sequence[Any]) -> bytes:
    """One row as a line."""
    return json.dumps([_plain(v) for v in row], ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def values(written: bytes) -> list[Any]:
    """The values of a line as the driver takes them."""
    return [base64.b64decode(v["b"]) if isinstance(v, dict) else v for v in json.loads(written)]


def _plain(value: Any) -> Any:
    return {"b": base64.b64encode(value).decode()} if isinstance(value, bytes) else value

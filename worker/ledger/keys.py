"""How a row's key stands in the ledger, the same in Python, PostgreSQL and SQLite.

A single native integer is `key_number` (and `key_text` is empty), so that joins use the operator's index without
a cast. Every other key is `key_text` (and `key_number` is 0): a single column as its text, several columns as
"<length>:<text>" one after another, lengths in characters, so that no two keys look alike.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import UnsupportedKey

Part = Literal["integer", "decimal", "boolean", "text", "padded", "uuid", "date", "timestamp", "instant"]
"""`padded` is CHAR(n), whose trailing blanks mean nothing; `instant` is a timestamp with time zone."""

_STAMP = 'YYYY-MM-DD"T"HH24:MI:SS.US'


@dataclass(frozen=True)
class KeyCodec:
    """Writes keys of one table; `parts` says what each key column is, in key order."""

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, columns: Sequence[sa.ColumnElement[Any]]) -> "KeyCodec":
        """The codec for these key columns. Raises UnsupportedKey for none, or a type it cannot write."""
        if not columns:
            raise UnsupportedKey(text("ledger_refuses.no_key"))
        return cls(tuple(_part(column.type) for column in columns))

    @property
    def is_number(self) -> bool:
        """True when the key is one native integer column."""
        return self.parts == ("integer",)

    def columns_of(self, key: Sequence[Any]) -> tuple[int, str]:
        """(key_number, key_text) of a key as the driver returns it."""
        if self.is_number:
            (number,) = key
            return int(number), ""
        texts = [_TO_TEXT[part](value) for part, value in zip(self.parts, key, strict=True)]
        if any("\0" in part for part in texts):
            raise UnsupportedKey(text("ledger_refuses.nul_key"))
        return 0, texts[0] if len(texts) == 1 else "".join(f"{len(part)}:{part}" for part in texts)

    def expressions(
        self, source: Sequence[sa.ColumnElement[Any]], dialect: str
    ) -> tuple[sa.ColumnElement[int], sa.ColumnElement[str]]:
        """(key_number, key_text) of `source` as SQL, for INSERT..SELECT. Contains no bound values."""
        if self.is_number:
            return source[0], sa.literal_column("''", sa.Text)
        texts = [_sql_text(part, column, dialect) for part, column in zip(self.parts, source, strict=True)]
        text = texts[0] if len(texts) == 1 else _framed(texts, dialect)
        return sa.literal_column("0", sa.BigInteger), text.collate("C") if dialect == "postgresql" else text

    def match(
        self, ledger_table: sa.FromClause, source: Sequence[sa.ColumnElement[Any]], dialect: str
    ) -> sa.ColumnElement[bool]:
        """True where the row of `ledger_table` (a table or alias with key_number, key_text) bears this key."""
        number, text = self.expressions(source, dialect)
        # The ledger's column stands on the left: SQLite then compares by its BINARY collation.
        return sa.and_(ledger_table.c.key_number == number, ledger_table.c.key_text == text)

    def to_json(self, key: Sequence[Any]) -> list[int | str]:
        """The key for a batch's list: integers stay integers, everything else is its text."""
        if self.is_number:
            (number,) = key
            return [int(number)]
        pairs = zip(self.parts, key, strict=True)
        return [int(value) if part == "integer" else _TO_TEXT[part](value) for part, value in pairs]

    def from_json(self, key: Sequence[int | str]) -> tuple[Any, ...]:
        """The key as the driver takes it (uuid.UUID, date and datetime where the column is one)."""
        if self.is_number:
            (number,) = key
            return (int(number),)
        return tuple(_FROM_JSON[part](value) for part, value in zip(self.parts, key, strict=True))


def _part(column_type: sa.types.TypeEngine[Any]) -> Part:
    match column_type:
        case sa.Integer():
            return "integer"
        case sa.Numeric() if not isinstance(column_type, sa.Float):
            return "decimal"
        case sa.Boolean():
            return "boolean"
        case sa.Uuid():
            return "uuid"
        case sa.CHAR():
            return "padded"
        case sa.String():
            return "text"
        case sa.Date():
            return "date"
        case sa.DateTime():
            return "instant" if column_type.timezone else "timestamp"
    raise UnsupportedKey(text("ledger_refuses.strange_key", type=type(column_type).__name__))


def _stamp(value: dt.datetime) -> str:
    naive = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    return naive.isoformat(timespec="microseconds")


_TO_TEXT: dict[Part, Callable[[Any], str]] = {
    "integer": lambda value: str(int(value)),
    "decimal": lambda value: format(value, "f"),
    "boolean": lambda value: str(bool(value)).lower(),
    "text": str,
    "padded": lambda value: str(value).rstrip(" "),
    "uuid": lambda value: str(uuid.UUID(str(value))),
    "date": lambda value: str(value.isoformat()),
    "timestamp": _stamp,
    "instant": _stamp,
}

_FROM_JSON: dict[Part, Callable[[Any], Any]] = {
    "integer": int,
    "decimal": Decimal,
    "boolean": lambda value: value == "true",
    "text": str,
    "padded": str,
    "uuid": uuid.UUID,
    "date": dt.date.fromisoformat,
    "timestamp": dt.datetime.fromisoformat,
    "instant": lambda value: dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC),
}


def _framed(texts: Sequence[sa.ColumnElement[str]], dialect: str) -> sa.ColumnElement[str]:
    length = sa.func.char_length if dialect == "mysql" else sa.func.length  # where length() counts bytes
    colon = sa.literal_column("':'", sa.Text)
    framed = [sa.cast(length(text), sa.Text).concat(colon).concat(text) for text in texts]
    joined: sa.ColumnElement[str] = framed[0]
    for piece in framed[1:]:
        joined = joined.concat(piece)
    return joined


def _sql_text(part: Part, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[str]:
    if dialect == "postgresql":
        return _postgresql_text(part, column)
    if dialect == "mysql":
        return _mysql_text(part, column)
    return _sqlite_text(part, column)


def _postgresql_text(part: Part, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    # A plain cast of a date follows the session's DateStyle; to_char does not.
    if part == "date":
        return sa.func.to_char(column, sa.literal_column("'YYYY-MM-DD'"), type_=sa.Text)
    if part in ("timestamp", "instant"):
        local = sa.func.timezone(sa.literal_column("'UTC'"), column) if part == "instant" else column
        return sa.func.to_char(local, sa.literal_column(f"'{_STAMP}'"), type_=sa.Text)
    return sa.cast(column, sa.Text)


def _mysql_text(part: Part, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """CAST AS CHAR writes dates as ISO does; the session's collation is utf8mb4_bin."""
    from sqlalchemy.dialects import mysql  # only where it is the database: every verb imports this module

    if part in ("timestamp", "instant"):
        text = sa.cast(sa.cast(column, mysql.DATETIME(fsp=6)), sa.Text)
        return sa.func.replace(text, sa.literal_column("' '"), sa.literal_column("'T'"), type_=sa.Text)
    text = sa.cast(column, sa.Text)
    return sa.func.rtrim(text, type_=sa.Text) if part == "padded" else text


def _sqlite_text(part: Part, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    # type_coerce: SQLAlchemy must not put the column type's own conversion around the comparison.
    text = sa.cast(sa.type_coerce(column, sa.Text), sa.Text)
    if part == "padded":
        return sa.func.rtrim(text, sa.literal_column("' '"), type_=sa.Text)
    if part == "uuid":
        return _sqlite_uuid(text)
    if part in ("timestamp", "instant"):
        return _sqlite_stamp(text)
    return text


def _sqlite_uuid(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """SQLite keeps UUIDs as text, with hyphens or without."""
    bare = sa.func.lower(sa.func.replace(text, sa.literal_column("'-'"), sa.literal_column("''")))
    hyphen = sa.literal_column("'-'", sa.Text)
    joined: sa.ColumnElement[str] = sa.func.substr(bare, _int(1), _int(8), type_=sa.Text)
    for start, length in ((9, 4), (13, 4), (17, 4), (21, 12)):
        joined = joined.concat(hyphen).concat(sa.func.substr(bare, _int(start), _int(length), type_=sa.Text))
    return joined


def _sqlite_stamp(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """SQLite keeps timestamps as text, with a fraction of a second or without."""
    with_t = sa.func.replace(text, sa.literal_column("' '"), sa.literal_column("'T'"), type_=sa.Text)
    has_fraction = sa.func.instr(text, sa.literal_column("'.'")) > sa.literal_column("0")
    zeros = sa.literal_column("'000000'", sa.Text)
    padding = sa.case((has_fraction, zeros), else_=sa.literal_column("'.000000'", sa.Text))
    return sa.func.substr(with_t.concat(padding), _int(1), _int(26), type_=sa.Text)


def _int(value: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(value), sa.Integer)

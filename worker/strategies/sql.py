"""SQL that differs between PostgreSQL and SQLite, and random values that are drawn anew for every row."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.base import StrategyError

SQLITE, POSTGRESQL, MARIADB = "sqlite", "postgresql", "mysql"


def is_postgresql(dialect: str) -> bool:
    """True for PostgreSQL, False for SQLite, MariaDB and MySQL; raises StrategyError for any other database."""
    if dialect not in (SQLITE, POSTGRESQL, MARIADB):
        raise StrategyError(text("strategy.other_database", dialect=dialect))
    return dialect == POSTGRESQL


def is_mariadb(dialect: str) -> bool:
    """True for MariaDB and MySQL, whose texts are compared letter by letter once they went through `as_text`."""
    return dialect == MARIADB


def as_text(value: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """The value as plain text: without the padding of CHAR and the folding of citext."""
    return sa.cast(value, sa.Text)


def keep_null(column: sa.ColumnElement[Any], otherwise: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """NULL where the column is NULL."""
    return sa.case((column.is_(None), sa.null()), else_=otherwise)


def random_below(limit: int, dialect: str) -> sa.ColumnElement[int]:
    """A whole number from 0 to limit - 1, at most 31 bits."""
    if is_postgresql(dialect):
        return sa.cast(sa.func.floor(sa.func.random(type_=sa.Float) * limit), sa.Integer)
    if is_mariadb(dialect):
        return sa.cast(sa.func.conv(sa.func.left(_unpredicted(), 15), 16, 10), sa.BigInteger) % limit
    # The remainder first: abs() of the smallest 64-bit number is an error in SQLite.
    return sa.func.abs(sa.func.random(type_=sa.BigInteger) % limit, type_=sa.Integer)


def random_digits(count: int, dialect: str) -> sa.ColumnElement[str]:
    """So many random digits as text, leading zeros kept."""
    return sa.func.substr(as_text(10**count + random_below(10**count, dialect)), 2, type_=sa.Text)


def random_hex(count: int, dialect: str) -> sa.ColumnElement[str]:
    """So many random hexadecimal digits as text, at most 32 (two of them are fixed on PostgreSQL)."""
    digits: sa.ColumnElement[str]
    if is_postgresql(dialect):
        digits = sa.func.replace(as_text(sa.func.gen_random_uuid(type_=sa.Uuid)), "-", "", type_=sa.Text)
    elif is_mariadb(dialect):
        digits = _unpredicted()
    else:
        digits = sa.func.lower(sa.func.hex(sa.func.randomblob(16)), type_=sa.Text)
    return sa.func.substr(digits, 1, count, type_=sa.Text)


def _unpredicted() -> sa.ColumnElement[str]:
    """MariaDB and MySQL: 64 hexadecimal digits. RAND() alone gives neighbours that are like each other, and so the same
    IIN twice among a few thousand; RANDOM_BYTES() came with MariaDB 10.10 only."""
    return sa.func.sha2(sa.func.concat(sa.func.uuid(), sa.func.rand()), 256, type_=sa.Text)


def looks_like(value: sa.ColumnElement[str], globs: Sequence[str], regex: str, dialect: str) -> sa.ColumnElement[bool]:
    """The whole text has a shape: `regex` on PostgreSQL and MariaDB, one of `globs` on SQLite; case counts."""
    if is_postgresql(dialect):
        return value.op("~", is_comparison=True)(f"^(?:{regex})$")
    if is_mariadb(dialect):
        return value.op("REGEXP", is_comparison=True)(rf"\A(?:{regex})\z")
    return sa.or_(*(value.op("GLOB", is_comparison=True)(glob) for glob in globs))


def only_characters(value: sa.ColumnElement[str], characters: str, dialect: str) -> sa.ColumnElement[bool]:
    """No character but these, written as the inside of a [bracket] that both databases read alike."""
    if is_postgresql(dialect):
        return value.op("~", is_comparison=True)(f"^[{characters}]*$")
    if is_mariadb(dialect):
        return value.op("NOT REGEXP", is_comparison=True)(f"[^{characters}]")
    return value.op("NOT GLOB", is_comparison=True)(f"*[^{characters}]*")


def split_part(value: sa.ColumnElement[str], separator: str, number: int, dialect: str) -> sa.ColumnElement[str]:
    """The part with this number, from 1; "" when there are fewer. Not for quotes and backslashes."""
    if is_postgresql(dialect):
        return sa.func.split_part(value, separator, number, type_=sa.Text)
    if is_mariadb(dialect):
        upto = sa.func.substring_index(value, separator, number, type_=sa.Text)
        part = sa.func.substring_index(upto, separator, -1, type_=sa.Text)
        return sa.case((count_of(value, separator) >= number - 1, part), else_="")
    as_list = '["' + sa.func.replace(value, separator, '","', type_=sa.Text) + '"]'
    return sa.func.coalesce(sa.func.json_extract(as_list, f"$[{number - 1}]"), "", type_=sa.Text)


def position(value: sa.ColumnElement[str], part: str, dialect: str) -> sa.ColumnElement[int]:
    """Where the part begins, from 1; 0 when it is not there."""
    find = sa.func.strpos if is_postgresql(dialect) else sa.func.instr
    return find(value, part, type_=sa.Integer)


def count_of(value: sa.ColumnElement[str], character: str) -> sa.ColumnElement[int]:
    """How often the character occurs."""
    return sa.func.length(value) - sa.func.length(sa.func.replace(value, character, ""), type_=sa.Integer)

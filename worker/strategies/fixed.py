"""nothing and constant: the same value for everybody."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from config.catalogue import text
from worker.strategies.base import Strategy, StrategyError
from worker.strategies.kinds import ALL_KINDS, kind_of
from worker.strategies.sql import as_text, is_postgresql


class Nothing(Strategy):
    """NULL: the best replacement wherever the column allows it."""

    name = "nothing"
    summary = text("strategy_does.nothing")
    types = ALL_KINDS
    unique = True
    writes_null = True

    def expression(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Strategy."""
        return sa.null()

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy."""
        return [None] * len(values)

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy."""
        return column.is_(None)

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        return value is None


def unquote(argument: str) -> str:
    """The text inside double quotes, escapes as in JSON. Raises ValueError if it is not one quoted text."""
    text = json.loads(argument)
    if not isinstance(text, str):
        raise ValueError("not a text in double quotes")
    return text


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "integer": int,
    "number": Decimal,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "uuid": UUID,
    "bytes": str.encode,
    "json": json.loads,
}


class Constant(Strategy):
    """One text for every row, NULL or not; a column that holds no text gets it converted."""

    name = "constant"
    summary = text("strategy_does.constant")
    argument = text("strategy_argument.constant")
    types = ALL_KINDS

    def wrong_argument(self, argument: str) -> str | None:
        """See Strategy."""
        try:
            unquote(argument)
        except ValueError:
            return text("strategy.wrong_argument", name=self.name, wanted=self.argument)
        return None

    def unfit(self, type_: sa.types.TypeEngine[Any], argument: str | None) -> str | None:
        """See Strategy."""
        kind = kind_of(type_)
        try:
            _READ.get(kind, str)(unquote(argument or '""'))
        except (ValueError, ArithmeticError, KeyError):
            return text("strategy.wrong_constant", argument=argument, kind=kind)
        return None

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy."""
        return len(unquote(argument or '""'))

    def expression(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Strategy."""
        if sentence := self.unfit(column.type, argument):
            raise StrategyError(sentence)
        kind, text = kind_of(column.type), unquote(argument or '""')
        if kind in ("json", "inet", "array", "other"):
            # Only PostgreSQL knows these types; SQLite stores their text as it stands.
            value = sa.literal(text, sa.Text)
            return sa.cast(value, column.type) if is_postgresql(dialect) else value
        return sa.literal(_READ[kind](text), column.type)

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy. The text itself: Python values carry no column type."""
        return [unquote(argument or '""')] * len(values)

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy. NULL is not done: this strategy writes everywhere."""
        value = self.expression(column, argument, dialect)
        if kind_of(column.type) == "json":
            as_comparable = postgresql.JSONB if is_postgresql(dialect) else sa.Text
            column, value = sa.cast(column, as_comparable), sa.cast(value, as_comparable)
        elif kind_of(column.type) == "other":
            column, value = as_text(column), as_text(value)
        return sa.func.coalesce(column == value, sa.false())

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        text = unquote(argument or '""')
        if value is None or isinstance(value, str):
            return bool(value == text)
        return value in _readings(text)


def _readings(text: str) -> list[Any]:
    readings: list[Any] = []
    for read in _READ.values():
        try:
            readings.append(read(text))
        except (ValueError, ArithmeticError, KeyError):
            continue
    return readings

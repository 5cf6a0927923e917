"""What every strategy promises. A strategy turns a value into its replacement and says what it guarantees.

A replacement is random or fixed, never a function of the old value, unless a strategy coarsens by its nature.
NULL stays NULL everywhere but in `constant`. Building expressions is pure: nothing here executes or connects.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.kinds import Kind, kind_of

MadeIn = Literal["database", "python", "engine"]


class StrategyError(Exception):
    """A strategy was asked for what it cannot do; the message is a sentence without any value of a row."""


class Strategy(ABC):
    """One way to replace values. Subclasses declare the attributes and implement where values are made."""

    name: ClassVar[str]
    summary: ClassVar[str]
    argument: ClassVar[str | None] = None
    """What argument it takes, in words; None: none."""
    argument_optional: ClassVar[bool] = False
    types: ClassVar[frozenset[Kind]]
    made_in: ClassVar[MadeIn] = "database"
    """"engine": `follows`, whose values are another column's."""
    irreversible: ClassVar[bool] = True
    unique: ClassVar[bool] = False
    """The values serve a UNIQUE column. A random value may still meet another, very rarely: draw again."""
    writes_null: ClassVar[bool] = False
    proves_done: ClassVar[bool] = True
    """Where `looks_done` is true nothing is left to do for certain."""

    def problem(self, argument: str | None) -> str | None:
        """A sentence if the argument is missing, not wanted or wrong."""
        if self.argument is None and argument is not None:
            return text("strategy.no_argument", name=self.name, argument=repr(argument))
        if argument is not None:
            return self.wrong_argument(argument)
        if self.argument is None or self.argument_optional:
            return None
        return text("strategy.needs_argument", name=self.name, wanted=self.argument)

    def wrong_argument(self, argument: str) -> str | None:
        """A sentence if an argument that is there is wrong."""
        return None

    def unfit(self, type_: sa.types.TypeEngine[Any], argument: str | None) -> str | None:
        """A sentence if a column of this type cannot take the values (length, NOT NULL, UNIQUE aside)."""
        kind = kind_of(type_)
        if kind in self.types:
            return None
        return text("strategy.wrong_kind", name=self.name, kinds=", ".join(sorted(self.types)), kind=kind)

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """Characters of the longest text it can write; None: no text, or never longer than the original."""
        return None

    def expression(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """The replacement as SQL for an UPDATE of the column's table. StrategyError if made elsewhere."""
        raise StrategyError(text("strategy.not_in_database", name=self.name))

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """One replacement per value, made in Python. `allow`: the operator's own contacts (clause 6.7)."""
        raise StrategyError(text("strategy.not_in_python", name=self.name))

    def make_rows(
        self,
        column_names: Sequence[str],
        rows: Sequence[Sequence[Any]],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        """Replacements for several columns of the same rows; overridden where the columns belong together."""
        by_column = [
            self.make([row[place] for row in rows], argument, random, allow, name)
            for place, name in enumerate(column_names)
        ]
        return list(zip(*by_column, strict=True)) if column_names else [() for _ in rows]

    @abstractmethod
    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """SQL, never NULL: the value is one that this strategy leaves."""

    @abstractmethod
    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """The same in Python."""


class Coarsening(Strategy):
    """A strategy that keeps a coarser part of the old value; done twice it changes nothing more."""

    @abstractmethod
    def coarsen(self, value: Any, argument: str | None) -> Any:
        """The coarser value of one that is not None."""

    @abstractmethod
    def coarse(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """The coarser value as SQL; NULL for NULL."""

    def expression(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Strategy."""
        return sa.type_coerce(self.coarse(column, argument, dialect), column.type)

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy."""
        return [None if value is None else self.coarsen(value, argument) for value in values]

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy."""
        unchanged = sa.func.coalesce(column == self.expression(column, argument, dialect), sa.false())
        return sa.or_(column.is_(None), unchanged)

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        return bool(value is None or value == self.coarsen(value, argument))

"""The strategies by name, and a policy's spelling resolved to one. A new strategy is added to `_ALL`."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from random import Random
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.band import Band
from worker.strategies.base import Strategy
from worker.strategies.dates import ToMonth, ToYear
from worker.strategies.fixed import Constant, Nothing
from worker.strategies.follows import Follows
from worker.strategies.invented import InventedName
from worker.strategies.network import IpToNetwork, StripQuery
from worker.strategies.redact import Redact
from worker.strategies.region import Region
from worker.strategies.synthetic import SyntheticEmail, SyntheticIin, SyntheticPhone

_ALL: tuple[Strategy, ...] = (
    Nothing(),
    Constant(),
    SyntheticIin(),
    SyntheticPhone(),
    SyntheticEmail(),
    InventedName(),
    ToYear(),
    ToMonth(),
    IpToNetwork(),
    StripQuery(),
    Band(),
    Region(),
    Redact(),
    Follows(),
)
_BY_NAME = {strategy.name: strategy for strategy in _ALL}


class UnknownStrategy(Exception):
    """No strategy has this name; the message says which one is nearest."""


@dataclass(frozen=True)
class BoundStrategy:
    """A strategy with the argument that a policy gives it. The methods are its own, argument filled in."""

    strategy: Strategy
    argument: str | None
    spelling: str

    def problem(self) -> str | None:
        """A sentence if the argument is wrong."""
        return self.strategy.problem(self.argument)

    def unfit(self, type_: sa.types.TypeEngine[Any]) -> str | None:
        """A sentence if a column of this type cannot take the values."""
        return self.strategy.unfit(type_, self.argument)

    def longest(self, column_name: str = "") -> int | None:
        """Characters of the longest text it can write."""
        return self.strategy.longest(self.argument, column_name)

    def expression(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[Any]:
        """The replacement as SQL."""
        return self.strategy.expression(column, self.argument, dialect)

    def make(
        self, values: Sequence[Any], random: Random, allow: Sequence[str] = (), column_name: str = ""
    ) -> list[Any]:
        """Replacements of one column made in Python."""
        return self.strategy.make(values, self.argument, random, allow, column_name)

    def make_rows(
        self,
        column_names: Sequence[str],
        rows: Sequence[Sequence[Any]],
        random: Random,
        allow: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        """Replacements of several columns of the same rows made in Python."""
        return self.strategy.make_rows(column_names, rows, self.argument, random, allow)

    def looks_done(self, column: sa.ColumnElement[Any], dialect: str) -> sa.ColumnElement[bool]:
        """SQL: the value is one that this strategy leaves."""
        return self.strategy.looks_done(column, self.argument, dialect)

    def is_done(self, value: Any, allow: Sequence[str] = ()) -> bool:
        """Python: the value is one that this strategy leaves."""
        return self.strategy.is_done(value, self.argument, allow)


def all_strategies() -> list[Strategy]:
    """Every strategy, in the order in which a person should consider them."""
    return list(_ALL)


def resolve(spelling: str) -> BoundStrategy:
    """The strategy that a policy's words name, e.g. 'constant ""'. Raises UnknownStrategy.

    The argument is not looked at here: ask `problem`.
    """
    words = spelling.split()
    for count in range(len(words), 0, -1):
        name = " ".join(words[:count])
        if name in _BY_NAME:
            argument = spelling.split(maxsplit=count)[count] if len(words) > count else None
            return BoundStrategy(_BY_NAME[name], argument.rstrip() if argument else None, spelling)
    raise UnknownStrategy(_unknown(spelling))


def _unknown(spelling: str) -> str:
    near = get_close_matches(spelling, _BY_NAME, n=1, cutoff=0.5) or get_close_matches(
        spelling.split(" ")[0], _BY_NAME, n=1
    )
    if near:
        return text("strategy.unknown_near", spelling=spelling, near=near[0])
    return text("strategy.unknown", spelling=spelling, names=", ".join(_BY_NAME))

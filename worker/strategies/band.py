"""band: an amount without its exact figure."""

import math
import re
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.base import Coarsening
from worker.strategies.sql import is_mariadb, is_postgresql


class Band(Coarsening):
    """The lower bound of a number's band: band 1000 keeps 12345.67 as 12000 and -1 as -1000."""

    name = "band"
    summary = text("strategy_does.band")
    argument = text("strategy_argument.band")
    types = frozenset({"integer", "number"})

    def wrong_argument(self, argument: str) -> str | None:
        """See Strategy."""
        if re.fullmatch(r"[1-9][0-9]{0,17}", argument):
            return None
        return text("strategy.this_argument", name=self.name, wanted=self.argument, argument=repr(argument))

    def coarsen(self, value: Any, argument: str | None) -> Any:
        """See Coarsening. The type of the number stays."""
        width = int(argument or 1)
        return type(value)(math.floor(value) // width * width)

    def coarse(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Coarsening. SQLite may lack floor(), so it is written out there."""
        width = int(argument or 1)
        if is_postgresql(dialect):
            exact = sa.cast(column, sa.Numeric)
            return sa.cast(sa.func.floor(exact / width) * width, column.type)
        if is_mariadb(dialect):  # a quotient would be rounded
            lower: sa.ColumnElement[Any] = sa.func.floor(column, type_=sa.Numeric)
            return lower - sa.func.mod(sa.func.mod(lower, width) + width, width)
        whole = sa.cast(column, sa.BigInteger)
        floor = whole - sa.case((column < whole, 1), else_=0)
        return floor - ((floor % width) + width) % width

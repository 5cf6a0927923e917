"""to year and to month: a birth date with region and amount may single a person out; its year does not."""

from datetime import date, datetime
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.base import Coarsening
from worker.strategies.kinds import kind_of
from worker.strategies.sql import is_mariadb, is_postgresql


class _ToStartOf(Coarsening):
    types = frozenset({"date", "timestamp"})
    unit: ClassVar[Literal["year", "month"]]
    sqlite_format: ClassVar[str]

    def coarsen(self, value: Any, argument: str | None) -> date:
        """See Coarsening."""
        first: date = value.replace(month=1, day=1) if self.unit == "year" else value.replace(day=1)
        if isinstance(first, datetime):
            return first.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return first

    def coarse(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[Any]:
        """See Coarsening. Time zone aware columns are cut in the session's zone, which is UTC.

        SQLite keeps dates as text; what it cannot read as a date becomes NULL rather than stay.
        """
        is_date = kind_of(column.type) == "date"
        if is_postgresql(dialect):
            moment = sa.cast(column, sa.DateTime) if is_date else column
            return sa.cast(sa.func.date_trunc(self.unit, moment), column.type)
        if is_mariadb(dialect):
            return sa.cast(sa.func.date_format(column, self.sqlite_format), column.type)
        return sa.func.strftime(self.sqlite_format + ("" if is_date else " 00:00:00.000000"), column)


class ToYear(_ToStartOf):
    """1 January of the year."""

    name = "to year"
    summary = text("strategy_does.to_year")
    unit = "year"
    sqlite_format = "%Y-01-01"


class ToMonth(_ToStartOf):
    """The first of the month."""

    name = "to month"
    summary = text("strategy_does.to_month")
    unit = "month"
    sqlite_format = "%Y-%m-01"

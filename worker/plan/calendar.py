"""One fixed `now`, turned once into the cut-offs of a run: the database only compares (clause 5.3, DESIGN "Terms")."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from config.policy import ColumnRef, Event, Policy
from worker.databases.facts import Schema
from worker.plan.zones import CLOCK, local_to_utc

Test = sa.ColumnElement[bool]
Expression = sa.ColumnElement[Any]

# Texts that are dates: what SQLite stores in any column, and what text columns hold elsewhere. An offset such as +05:00
# is refused on purpose: compared as text it could pass for an earlier hour than it is.
DAY = "[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]"
GLOBS = (DAY, DAY + "[ T][0-2][0-9]:[0-5][0-9]", DAY + "[ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9]")
FRACTION = GLOBS[2] + ".[0-9]*"
NO_FRACTION = GLOBS[2] + ".*[^0-9]*"
REGEX = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]([ T][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?)?$"


@dataclass(frozen=True)
class Calendar:
    """The operator's calendar at one moment. `now` is aware; `today` is the operator's local date."""

    now: datetime
    zone: ZoneInfo
    sane_from: date

    @classmethod
    def of(cls, policy: Policy, now: datetime) -> "Calendar":
        """The calendar of a policy's zone."""
        return cls(now, ZoneInfo(policy.timezone), policy.sane_from)

    @property
    def today(self) -> date:
        """The local date of `now`."""
        return self.now.astimezone(self.zone).date()

    @property
    def sane_until(self) -> date:
        """The first day that no sane event can have: the day after tomorrow."""
        return self.today + timedelta(days=2)

    def start(self, day: date) -> datetime:
        """The first moment of a local day, in UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Moment:
    """A column that holds the moment of an event, and how to compare it without casting it."""

    event: Event
    column: sa.Column[Any]
    dialect: str
    stored: str
    calendar: Calendar

    @property
    def table(self) -> str:
        """The table's name as the policy writes it."""
        return self.event.column.table

    @property
    def is_text(self) -> bool:
        """Whether moments are compared as text: always on SQLite, which stores no dates."""
        return self.dialect == "sqlite" or isinstance(self.column.type, sa.String)

    def of(self, row: sa.FromClause) -> Expression:
        """The column in a query's row."""
        column = row.c[self.event.column.column]
        if not self.is_text:
            return column
        text = sa.type_coerce(column, sa.String())
        if self.dialect == "mysql":
            return sa.cast(text, sa.Text())  # the session's collation goes letter by letter
        return text if self.dialect == "sqlite" else text.collate("C")

    def bound(self, day: date) -> Expression:
        """The start of a local day as a value of this column's own type."""
        start = self.calendar.start(day)
        local = datetime.combine(day, time())
        naive = local if self.stored == "local" else start.replace(tzinfo=None)
        if self.is_text:
            only_day = isinstance(self.column.type, sa.Date)
            return sa.literal(day.isoformat() if only_day else naive.isoformat(" "), sa.String())
        if isinstance(self.column.type, sa.Date):
            return sa.literal(day, sa.Date())
        aware = bool(getattr(self.column.type, "timezone", False))
        return sa.literal(start if aware else naive, self.column.type)

    def present(self) -> Expression | None:
        """`now` as a value of this column's own type; None for a column that holds no moments."""
        kind, now = self.column.type, self.calendar.now
        if not isinstance(kind, sa.Date | sa.DateTime | sa.String):
            return None
        local = now.astimezone(self.calendar.zone).replace(tzinfo=None)
        if isinstance(kind, sa.Date):
            return sa.literal(local.date().isoformat(), sa.String()) if self.is_text else sa.literal(local.date(), kind)
        naive = local if self.stored == "local" else now.astimezone(UTC).replace(tzinfo=None)
        if self.is_text:
            return sa.literal(naive.isoformat(" ", "seconds"), sa.String())
        return sa.literal(now if getattr(kind, "timezone", False) else naive, kind)

    def readable(self, value: Expression) -> list[Test]:
        """For texts: that they are dates at all. Typed columns are by their type."""
        if not self.is_text:
            return []
        if self.dialect != "sqlite":
            return [value.regexp_match(REGEX)]
        plain = [value.bool_op("GLOB")(g) for g in GLOBS]
        fraction = sa.and_(value.bool_op("GLOB")(FRACTION), sa.not_(value.bool_op("GLOB")(NO_FRACTION)))
        return [sa.or_(*plain, fraction)]

    def recent(self, row: sa.FromClause, cutoff: date) -> Test:
        """A sane event at or after the cut-off: it keeps."""
        value = self.of(row)
        end = value < self.bound(self.calendar.sane_until)
        return sa.and_(value >= self.bound(cutoff), end, *self.readable(value))

    def settled(self, row: sa.FromClause, cutoff: date) -> Test:
        """A sane event before the cut-off: it lets the term end."""
        value = self.of(row)
        begin = value >= self.bound(self.calendar.sane_from)
        return sa.and_(value < self.bound(cutoff), begin, *self.readable(value))

    def absurd(self, row: sa.FromClause) -> Test:
        """An event that cannot be true: before the sane bound, after tomorrow, or no date at all."""
        value = self.of(row)
        sane = [
            value >= self.bound(self.calendar.sane_from),
            value < self.bound(self.calendar.sane_until),
            *self.readable(value),
        ]
        return sa.and_(value.is_not(None), sa.not_(sa.and_(*sane)))

    def utc(self, row: sa.FromClause) -> Expression:
        """The moment as the ledger keeps it: naive UTC (text of the same shape on SQLite)."""
        value = self.of(row)
        if self.dialect == "sqlite":
            return sa.func.replace(value, "T", " ", type_=sa.String())
        if self.is_text:
            return sa.cast(value, CLOCK)
        if getattr(self.column.type, "timezone", False):
            return sa.func.timezone("UTC", value, type_=sa.DateTime())
        if self.stored == "local" and not isinstance(self.column.type, sa.Date) and self.dialect == "mysql":
            return sa.cast(local_to_utc(value, self.calendar.zone, self.calendar.sane_from, self.calendar.today), CLOCK)
        if self.stored == "local" and not isinstance(self.column.type, sa.Date):
            aware = sa.func.timezone(self.calendar.zone.key, value)
            return sa.func.timezone("UTC", aware, type_=sa.DateTime())
        return sa.cast(value, CLOCK)


def moment(policy: Policy, schema: Schema, calendar: Calendar, event: Event) -> Moment:
    """The moment of an event of the policy. KeyError if the live schema lacks its column (`coverage` looks first)."""
    reference: ColumnRef = event.column
    column = schema.tables[reference.table].column(reference.column)
    stored = policy.stored_in.get(str(reference), policy.stored_default)
    if schema.dialect == "mysql" and isinstance(column.type, sa.TIMESTAMP):
        stored = "UTC"  # the server keeps an instant, and shows it in the session's zone: ours is UTC
    return Moment(event, column, schema.dialect, stored, calendar)

"""Which days are working days: weekends, and what a calendar says of each year. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from config.catalogue import text

KAZAKHSTAN = Path(__file__).parent / "calendars" / "kz.yaml"
SATURDAY = 5  # date.weekday()


class MissingYear(Exception):
    """The calendar says nothing of a year that is needed."""


@dataclass(frozen=True)
class Year:
    """What differs in a year from Monday to Friday: weekdays that are `off`, weekend days that are `working`."""

    off: frozenset[date]
    working: frozenset[date]


@dataclass(frozen=True)
class WorkingDays:
    """A calendar of working days; `source` names its file in sentences."""

    years: Mapping[int, Year]
    source: str

    def is_working(self, day: date) -> bool:
        """Whether people work on that day. Raises MissingYear."""
        year = self.years.get(day.year)
        if year is None:
            raise MissingYear(text("working_days.missing_year", year=str(day.year), source=self.source))
        return day in year.working or (day.weekday() < SATURDAY and day not in year.off)

    def after(self, day: date, count: int) -> date:
        """The last of the `count` working days that follow `day`; `day` itself for 0. Raises MissingYear."""
        last = day
        for _ in range(count):
            last += timedelta(days=1)
            while not self.is_working(last):
                last += timedelta(days=1)
        return last

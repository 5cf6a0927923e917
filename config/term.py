"""How long something is kept: calendar arithmetic, without a clock and without a time zone."""

import re
from bisect import bisect_left
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from config.catalogue import text

Unit = Literal["days", "months", "years"]

TERM_PATTERN = r"^(\d{1,5}) (day|month|year)s?( after the end of the year)?$"
LONGEST_YEARS = 100
_MOST: dict[Unit, int] = {"days": LONGEST_YEARS * 365, "months": LONGEST_YEARS * 12, "years": LONGEST_YEARS}
_UNITS: dict[str, Unit] = {"day": "days", "month": "months", "year": "years"}

# Eight years in a row hold every position that a day can have towards 29 February.
_COMPARED_DAYS = [date(2021, 1, 1) + timedelta(days=n) for n in range(8 * 365 + 2)]


class Term(BaseModel):
    """A length in calendar days, months or years, counted from a day or from the end of that day's year."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=0)
    unit: Unit
    after_year_end: bool = False

    @classmethod
    def parse(cls, written: str) -> "Term":
        """Read `3 years`, `30 days` or `5 years after the end of the year`; ValueError says what is wrong."""
        match = re.match(TERM_PATTERN, written, re.ASCII)
        if match is None:
            raise ValueError(text("policy_value.no_term", text=written))
        count, unit = int(match[1]), _UNITS[match[2]]
        if count > _MOST[unit]:
            raise ValueError(text("policy_value.long_term", text=written, years=str(LONGEST_YEARS)))
        return cls(count=count, unit=unit, after_year_end=match[3] is not None)

    def kept_until(self, day: date) -> date:
        """The last day on which a row whose event lies on `day` must still be kept.

        A day that does not exist (29 February + 3 years, 31 January + 1 month) becomes the first of the next
        month, never the day before: the doubt goes to keeping.  Beyond the calendar it is its last day.
        """
        start = date(day.year, 12, 31) if self.after_year_end else day
        try:
            if self.unit == "days":
                return start + timedelta(days=self.count)
            return _months_later(start, self._months)
        except (OverflowError, ValueError):
            return date.max

    @property
    def _months(self) -> int:
        return self.count * (12 if self.unit == "years" else 1)

    def cutoff(self, today: date) -> date:
        """The smallest day D with kept_until(D) >= today.

        The term of an event has ended exactly when the event's day lies before D, so nothing is due on the
        last day of its term, only from the day after.
        """

        def kept(ordinal: int) -> date:
            return self.kept_until(date.fromordinal(ordinal))

        ordinals = range(date.min.toordinal(), date.max.toordinal() + 1)
        position = bisect_left(ordinals, today, key=kept)
        return date.fromordinal(ordinals[position])

    def is_under(self, floor: "Term") -> bool:
        """Whether this term ends before `floor` does for some event day (1095 days is under 3 years)."""
        if "days" not in (self.unit, floor.unit) and self.after_year_end == floor.after_year_end:
            return self._months < floor._months
        return any(self.kept_until(day) < floor.kept_until(day) for day in _COMPARED_DAYS)

    def __str__(self) -> str:
        unit = self.unit.removesuffix("s") if self.count == 1 else self.unit
        return f"{self.count} {unit}" + (" after the end of the year" if self.after_year_end else "")


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    try:
        return date(day.year + years, month + 1, day.day)
    except ValueError:
        if day.year + years > date.max.year:
            raise
    # Only months shorter than 31 days get here, so the next month is in the same year: December has 31.
    return date(day.year + years, month + 2, 1)

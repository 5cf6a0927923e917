"""What a policy says of persons' requests: on what bases data goes before its term, and when an answer is due."""

import re
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict, Field

from config.catalogue import text
from config.working_days import WorkingDays

ANSWER_TERM_PATTERN = r"^(\d{1,4}) (working )?days?$"
CANCEL_WINDOW_PATTERN = r"^(\d{1,4}) (minute|hour|day)s?$"
CANCEL_WINDOW = timedelta(hours=1)  # where the policy names none


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnswerTerm(_Part):
    """In how many days, calendar or working days, somebody must be answered."""

    count: int = Field(ge=0)
    working: bool = False
    basis: str = ""

    @classmethod
    def parse(cls, written: str) -> "AnswerTerm":
        """Read `15 days` or `30 working days`; ValueError says what is wrong."""
        match = re.match(ANSWER_TERM_PATTERN, written, re.ASCII)
        if match is None:
            raise ValueError(text("policy_value.no_answer_term", text=written))
        return cls(count=int(match[1]), working=match[2] is not None)

    def last_day(self, received: date, calendar: WorkingDays) -> date:
        """The last day on which the answer is in time; the day of receipt does not count.

        Raises MissingYear where working days are counted and the calendar does not reach so far.
        """
        if self.working:
            return calendar.after(received, self.count)
        return received + timedelta(days=self.count)

    def __str__(self) -> str:
        return f"{self.count} {'working ' if self.working else ''}{'day' if self.count == 1 else 'days'}"


class Erasure(_Part):
    """The only bases on which somebody's data may go before its term, under the floor."""

    bases: tuple[str, ...] = ()


class Requests(_Part):
    """When requests must be answered, and how long an approved one can still be cancelled."""

    cancel_window: timedelta = CANCEL_WINDOW  # cancel window
    erasure: AnswerTerm | None = None
    complaint: AnswerTerm | None = None
    block: AnswerTerm | None = None


def cancel_window(written: str) -> timedelta:
    """Read `1 hour`, `30 minutes` or `0 minutes`; ValueError says what is wrong."""
    match = re.match(CANCEL_WINDOW_PATTERN, written, re.ASCII)
    if match is None:
        raise ValueError(text("policy_value.no_cancel_window", text=written))
    return timedelta(**{f"{match[2]}s": int(match[1])})

"""What happened to the invented people, and to how many: the reason why the night treats each as it does.

About a fifth is past every term, a sixth past the three years of clause 5.3 only, a tenth past them too but held; some
cannot be decided. So more than a quarter of `users` is due on the first night, which its brake therefore stops.
"""

import random
from calendar import isleap
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

ALMATY = ZoneInfo("Asia/Almaty")
_GOLDEN = 0.6180339887498949


class Story(Enum):
    """A fate in a word."""

    GONE = "past every term"
    LAPSED = "past three years, debts and payments not yet past five"
    ACTIVE = "here within three years"
    ON_THE_EDGE = "three years ago, give or take two days"
    INDEBTED = "long away, with an open debt"
    COMPLAINING = "long away, with an open complaint"
    ASKED_FOR = "long away, a state body has asked"
    IN_COURT = "long away, a court hears the case"
    BLOCKED = "long away, blocked by law"
    SILENT = "without any event"
    EPOCH = "last seen on 1970-01-01"
    ABSURD = "last seen in the year 1 or 9999"
    FUTURE = "last seen in the future"
    LEAP = "last seen on a 29 February"


PER_MILLE = {
    Story.GONE: 200,
    Story.LAPSED: 160,
    Story.ACTIVE: 479,
    Story.ON_THE_EDGE: 20,
    Story.INDEBTED: 50,
    Story.COMPLAINING: 22,
    Story.ASKED_FOR: 9,
    Story.IN_COURT: 11,
    Story.BLOCKED: 14,
    Story.SILENT: 14,
    Story.EPOCH: 7,
    Story.ABSURD: 6,
    Story.FUTURE: 5,
    Story.LEAP: 3,
}
HELD = frozenset({Story.INDEBTED, Story.COMPLAINING, Story.ASKED_FOR, Story.IN_COURT, Story.BLOCKED})
EVENTLESS = frozenset({Story.SILENT, Story.EPOCH, Story.ABSURD, Story.FUTURE})


def story_of(number: int, start: float) -> Story:
    """The story of the number-th person: so evenly spread that a few hundred already have the proportions."""
    place = (start + number * _GOLDEN) % 1 * 1000
    for story, share in PER_MILLE.items():
        if place < share:
            return story
        place -= share
    raise AssertionError("the shares do not add up to a thousand")


def last_activity(story: Story, rng: random.Random, now: datetime) -> datetime:
    """The moment (naive UTC) of the person's newest activity; of what others did for people without one."""
    if story is Story.ON_THE_EDGE:
        return _local_noon(_three_years_before(now), rng.randrange(-2, 3))
    if story is Story.LEAP:
        return _local_noon(_leap_day_before(_three_years_before(now)), 0)
    if story is Story.ACTIVE:
        return now - timedelta(seconds=rng.randrange(60, 86400 * 1000))
    oldest, newest = (1690, 1115) if story is Story.LAPSED else (4200, 2410)
    return now - timedelta(seconds=rng.randrange(86400 * newest, 86400 * oldest))


def undecidable_login(story: Story, rng: random.Random, now: datetime) -> datetime | None:
    """The last login that stands in the row of a person whose day is not known."""
    if story is Story.EPOCH:
        return datetime(1970, 1, 1)
    if story is Story.ABSURD:
        return rng.choice((datetime(1, 1, 1), datetime(9999, 12, 31)))
    if story is Story.FUTURE:
        return now + timedelta(days=rng.randrange(30, 900))
    return None


def local_text(moment: datetime) -> str:
    """A UTC moment as the operator's wall clock showed it."""
    return str(moment.replace(tzinfo=UTC).astimezone(ALMATY).replace(tzinfo=None))


def _three_years_before(now: datetime) -> date:
    today = now.replace(tzinfo=UTC).astimezone(ALMATY).date()
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return today.replace(year=today.year - 3, day=day)


def _leap_day_before(day: date) -> date:
    leap_days = (date(year, 2, 29) for year in range(day.year - 8, day.year + 1) if isleap(year))
    return max(leap_day for leap_day in leap_days if leap_day < day)


def _local_noon(day: date, days_later: int) -> datetime:
    noon = datetime.combine(day + timedelta(days=days_later), time(12), tzinfo=ALMATY)
    return noon.astimezone(UTC).replace(tzinfo=None)

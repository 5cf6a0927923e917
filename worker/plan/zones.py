"""Local times in UTC where the database knows no zones (a MariaDB whose zone tables nobody loaded answers NULL)."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

CLOCK = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
"""A person's clock in queries: with the fraction of a second, which MariaDB leaves out unless told."""


def local_to_utc(value: sa.ColumnElement[Any], zone: ZoneInfo, begin: date, end: date) -> sa.ColumnElement[Any]:
    """The local time less the offset that the zone had on that day; days before `begin` have the first one."""
    periods = offsets(zone, begin, end)
    whens = [(value >= sa.literal(at, CLOCK), minutes) for at, minutes in reversed(periods[1:])]
    minutes = sa.case(*whens, else_=periods[0][1]) if whens else sa.literal(periods[0][1])
    return sa.func.timestampadd(sa.literal_column("MINUTE"), -minutes, value, type_=CLOCK)


@lru_cache
def offsets(zone: ZoneInfo, begin: date, end: date) -> tuple[tuple[datetime, int], ...]:
    """(first local day with it, minutes before UTC), oldest first."""
    found: list[tuple[datetime, int]] = []
    for number in range((end - begin).days + 3):
        day = datetime.combine(begin + timedelta(days=number), time())
        offset = day.replace(tzinfo=zone).utcoffset() or timedelta()
        minutes = int(offset.total_seconds() // 60)
        if not found or found[-1][1] != minutes:
            found.append((day, minutes))
    return tuple(found)

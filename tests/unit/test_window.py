"""Which night a moment belongs to."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy import Window
from worker.plan.window import Hours

ALMATY = ZoneInfo("Asia/Almaty")
EARLY = Hours(Window(start=time(1, 30), end=time(6)), ALMATY)
LATE = Hours(Window(start=time(22), end=time(4)), ALMATY)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY)


@pytest.mark.parametrize(
    ("hours", "moment", "night"),
    [
        (EARLY, "2026-03-02 01:29:59", None),
        (EARLY, "2026-03-02 01:30", date(2026, 3, 2)),
        (EARLY, "2026-03-02 05:59:59", date(2026, 3, 2)),
        (EARLY, "2026-03-02 06:00", None),
        (LATE, "2026-02-28 22:00", date(2026, 2, 28)),
        (LATE, "2026-03-01 03:59:59", date(2026, 2, 28)),
        (LATE, "2026-03-01 04:00", None),
        (LATE, "2026-03-01 12:00", None),
    ],
)
def test_a_night_bears_the_date_on_which_its_window_opened(hours: Hours, moment: str, night: date | None) -> None:
    assert hours.night(local(moment)) == night


def test_the_newest_night_that_is_over() -> None:
    assert EARLY.passed(local("2026-03-02 05:59")) == date(2026, 3, 1)
    assert EARLY.passed(local("2026-03-02 06:00")) == date(2026, 3, 2)
    assert LATE.passed(local("2026-03-02 03:59")) == date(2026, 2, 28)


times = st.times().map(lambda t: t.replace(second=0, microsecond=0))
zones = st.sampled_from(["Asia/Almaty", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "UTC"]).map(ZoneInfo)


@given(times, times, zones, st.datetimes(datetime(2001, 1, 1), datetime(2040, 1, 1)))
def test_a_night_holds_its_moments(start: time, end: time, zone: ZoneInfo, moment: datetime) -> None:
    hours, now = Hours(Window(start=start, end=end), zone), moment.replace(tzinfo=UTC)
    night = hours.night(now)
    nearby = [now.astimezone(zone).date() + timedelta(days=n) for n in (-2, -1, 0, 1)]
    holding = [day for day in nearby if hours.bounds(day)[0] <= now < hours.bounds(day)[1]]
    assert (night in holding) if holding else night is None
    assert hours.bounds(hours.passed(now))[1] <= now

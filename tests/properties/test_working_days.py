"""What holds for every calendar of working days."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from config.answers import AnswerTerm
from config.working_days import WorkingDays, Year

DAY = timedelta(days=1)
FIRST, LAST = date(2020, 1, 1), date(2029, 12, 31)
days = st.dates(date(2021, 1, 1), date(2025, 12, 31))
moved = st.frozensets(st.dates(FIRST, LAST), max_size=40)
terms = st.builds(AnswerTerm, count=st.integers(0, 60), working=st.booleans())


@st.composite
def calendars(draw: st.DrawFn) -> WorkingDays:
    off, working = draw(moved), draw(moved)
    years = range(FIRST.year, LAST.year + 1)

    def of(year: int, of_all: frozenset[date]) -> frozenset[date]:
        return frozenset(d for d in of_all if d.year == year)

    return WorkingDays({y: Year(of(y, off), of(y, working)) for y in years}, "invented.yaml")


@given(calendar=calendars(), day=days, count=st.integers(1, 60))
def test_the_last_day_is_a_working_day_and_the_count_is_right(calendar: WorkingDays, day: date, count: int) -> None:
    last = calendar.after(day, count)
    between = [day + n * DAY for n in range(1, (last - day).days + 1)]
    assert calendar.is_working(last)
    assert sum(map(calendar.is_working, between)) == count


@given(calendar=calendars(), day=days, count=st.integers(0, 30), more=st.integers(0, 30))
def test_terms_add_up(calendar: WorkingDays, day: date, count: int, more: int) -> None:
    assert calendar.after(calendar.after(day, count), more) == calendar.after(day, count + more)


@given(calendar=calendars(), one=days, other=days, term=terms)
def test_who_asked_earlier_is_answered_no_later(
    calendar: WorkingDays, one: date, other: date, term: AnswerTerm
) -> None:
    earlier, later = sorted((one, other))
    assert term.last_day(earlier, calendar) <= term.last_day(later, calendar)


@given(calendar=calendars(), day=days, count=st.integers(0, 60))
def test_working_days_are_never_shorter_than_calendar_days(calendar: WorkingDays, day: date, count: int) -> None:
    assert calendar.after(day, count) >= day + count * DAY


@given(term=terms)
def test_what_is_written_is_read_again(term: AnswerTerm) -> None:
    assert AnswerTerm.parse(str(term)) == term

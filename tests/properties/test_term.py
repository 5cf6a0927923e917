"""What holds for every term and every day."""

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from config.term import Term, Unit

UNITS: list[Unit] = ["days", "months", "years"]
counts = {"days": 36500, "months": 1200, "years": 100}
terms = st.sampled_from(UNITS).flatmap(
    lambda unit: st.builds(Term, count=st.integers(0, counts[unit]), unit=st.just(unit), after_year_end=st.booleans())
)
days = st.dates(date(1900, 1, 1), date(2200, 12, 31))
three_years = Term(count=3, unit="years")


@given(term=terms, today=days, event=days)
@example(term=three_years, today=date(2023, 3, 1), event=date(2020, 2, 29))
@example(term=three_years, today=date(2023, 3, 2), event=date(2020, 2, 29))
@example(term=Term(count=5, unit="years", after_year_end=True), today=date(2026, 1, 1), event=date(2020, 12, 31))
def test_due_exactly_when_the_last_day_has_ended(term: Term, today: date, event: date) -> None:
    assert (event < term.cutoff(today)) == (term.kept_until(event) < today)


@given(term=terms, today=days, steps=st.integers(-3, 3))
def test_due_exactly_when_the_last_day_has_ended_next_to_the_cutoff(term: Term, today: date, steps: int) -> None:
    event = term.cutoff(today) + timedelta(days=steps)
    assert (event < term.cutoff(today)) == (term.kept_until(event) < today)


@given(term=terms, one=days, other=days)
def test_monotone(term: Term, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    assert term.kept_until(earlier) <= term.kept_until(later)
    assert term.cutoff(earlier) <= term.cutoff(later)


@given(term=terms, event=days)
def test_nothing_is_due_before_its_event_is_over(term: Term, event: date) -> None:
    assert term.kept_until(event) >= event
    assert term.cutoff(event) <= event


@given(count=st.integers(0, 100), year=st.sampled_from([1904, 1996, 2000, 2020, 2024, 2096]))
def test_29_february_goes_to_1_march_or_stays(count: int, year: int) -> None:
    kept_until = Term(count=count, unit="years").kept_until(date(year, 2, 29))
    assert (kept_until.month, kept_until.day) in {(2, 29), (3, 1)}
    assert kept_until.year == year + count


@given(count=st.integers(0, 100), event=days)
def test_years_after_the_end_of_the_year_end_with_a_year(count: int, event: date) -> None:
    term = Term(count=count, unit="years", after_year_end=True)
    assert term.kept_until(event) == date(event.year + count, 12, 31)


@given(count=st.integers(0, 100), event=days)
def test_a_year_is_twelve_months(count: int, event: date) -> None:
    years, months = Term(count=count, unit="years"), Term(count=12 * count, unit="months")
    assert years.kept_until(event) == months.kept_until(event)
    assert years.cutoff(event) == months.cutoff(event)


@given(term=terms)
def test_reads_what_it_writes(term: Term) -> None:
    assert Term.parse(str(term)) == term


@given(term=terms, floor=terms, event=days)
def test_a_term_not_under_the_floor_never_ends_before_it(term: Term, floor: Term, event: date) -> None:
    if 2021 <= event.year <= 2028 and not term.is_under(floor):
        assert term.kept_until(event) >= floor.kept_until(event)

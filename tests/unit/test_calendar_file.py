"""The calendar of working days: the one that comes with merzim, and what is wrong with one's own."""

from datetime import date
from pathlib import Path

import pytest

from config.answers import AnswerTerm, cancel_window
from config.calendar_file import read_calendar
from config.problems import PolicyProblems
from config.working_days import MissingYear


@pytest.mark.parametrize(
    ("received", "term", "last"),
    [
        ("2026-11-24", "15 days", "2026-12-09"),
        ("2026-11-24", "0 days", "2026-11-24"),
        ("2026-12-15", "1 working day", "2026-12-17"),  # Independence Day between
        ("2026-05-08", "1 working day", "2026-05-12"),  # Saturday 9 May is taken on Monday
        ("2026-03-20", "1 working day", "2026-03-26"),  # Nauryz
        ("2026-11-24", "30 working days", "2027-01-11"),  # over the end of the year
        ("2026-11-28", "1 working day", "2026-11-30"),  # received on a Saturday
    ],
)
def test_the_last_day_of_an_answer_in_kazakhstan(received: str, term: str, last: str) -> None:
    assert AnswerTerm.parse(term).last_day(date.fromisoformat(received), read_calendar()) == date.fromisoformat(last)


def test_every_day_off_is_a_weekday_and_each_year_is_there() -> None:
    calendar = read_calendar()
    assert sorted(calendar.years) == [2024, 2025, 2026, 2027]
    assert [d for year in calendar.years.values() for d in year.off if d.weekday() >= 5] == []


def test_a_year_that_is_missing_is_said_and_never_guessed() -> None:
    with pytest.raises(MissingYear, match=r"kz.yaml says nothing of 2028.*MERZIM_CALENDAR"):
        AnswerTerm.parse("1 working day").last_day(date(2027, 12, 31), read_calendar())
    assert AnswerTerm.parse("1 day").last_day(date(2027, 12, 31), read_calendar()) == date(2028, 1, 1)


def test_ones_own_calendar(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("2026:\n  off: [2026-11-25]\n  working: [2026-11-28]\n", "utf-8")
    calendar = read_calendar(own)
    assert calendar.after(date(2026, 11, 24), 1) == date(2026, 11, 26)
    assert calendar.after(date(2026, 11, 27), 1) == date(2026, 11, 28)


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("26: {off: []}\n2026: {off: [2026-02-30, 2027-01-01], wrking: []}\n", "utf-8")
    with pytest.raises(PolicyProblems) as caught:
        read_calendar(own)
    said = str(caught.value)
    for words in ("`26` is not a year", "`2026-02-30` is not a date", "`2027-01-01` is no day of 2026", "`wrking`"):
        assert words in said
    for path, words in ((tmp_path / "none.yaml", "cannot be read"), (tmp_path, "cannot be read")):
        with pytest.raises(PolicyProblems, match=words):
            read_calendar(path)
    own.write_bytes(b"2026: \xff")
    with pytest.raises(PolicyProblems, match="not UTF-8"):
        read_calendar(own)


@pytest.mark.parametrize(("written", "minutes"), [("0 minutes", 0), ("1 hour", 60), ("2 days", 2880)])
def test_the_cancel_window(written: str, minutes: int) -> None:
    assert cancel_window(written).total_seconds() == 60 * minutes


@pytest.mark.parametrize("written", ["1 Hour", "-1 hour", "1.5 hours", "1 hour ", "hour", "99999 minutes"])
def test_what_is_no_cancel_window(written: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time"):
        cancel_window(written)

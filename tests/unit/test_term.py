"""Terms by literals counted by hand: the last day of keeping, the cut-off, and what is no term."""

from datetime import date

import pytest

from config.term import Term


@pytest.mark.parametrize(
    ("term", "event", "kept_until"),
    [
        ("30 days", date(2024, 1, 1), date(2024, 1, 31)),
        ("0 days", date(2024, 1, 1), date(2024, 1, 1)),
        ("1 day", date(2024, 2, 28), date(2024, 2, 29)),
        ("3 years", date(2020, 3, 10), date(2023, 3, 10)),
        ("3 years", date(2020, 2, 28), date(2023, 2, 28)),
        ("3 years", date(2020, 2, 29), date(2023, 3, 1)),
        ("4 years", date(2020, 2, 29), date(2024, 2, 29)),
        ("1 month", date(2023, 1, 31), date(2023, 3, 1)),
        ("1 month", date(2024, 1, 30), date(2024, 3, 1)),
        ("1 month", date(2024, 12, 31), date(2025, 1, 31)),
        ("18 months", date(2024, 8, 31), date(2026, 3, 1)),
        ("5 years after the end of the year", date(2020, 1, 1), date(2025, 12, 31)),
        ("5 years after the end of the year", date(2020, 12, 31), date(2025, 12, 31)),
        ("2 months after the end of the year", date(2022, 5, 5), date(2023, 3, 1)),
        ("100 years", date(9950, 1, 1), date.max),
        ("36500 days", date(9999, 12, 31), date.max),
    ],
)
def test_last_day_of_keeping(term: str, event: date, kept_until: date) -> None:
    assert Term.parse(term).kept_until(event) == kept_until


@pytest.mark.parametrize(
    ("term", "today", "cutoff"),
    [
        ("3 years", date(2023, 3, 10), date(2020, 3, 10)),
        ("3 years", date(2023, 3, 1), date(2020, 2, 29)),  # 29 February is kept through 1 March
        ("3 years", date(2023, 3, 2), date(2020, 3, 2)),
        ("30 days", date(2024, 1, 31), date(2024, 1, 1)),
        ("5 years after the end of the year", date(2025, 12, 31), date(2020, 1, 1)),
        ("5 years after the end of the year", date(2026, 1, 1), date(2021, 1, 1)),
        ("100 years", date(50, 1, 1), date.min),
    ],
)
def test_cutoff(term: str, today: date, cutoff: date) -> None:
    assert Term.parse(term).cutoff(today) == cutoff


@pytest.mark.parametrize(
    "text",
    [
        "3 yeers",
        "three years",
        "3",
        "years",
        "-1 years",
        "1.5 years",
        "3  years",
        "3 years after",
        "",
        "٣ years",
    ],
)
def test_no_term(text: str) -> None:
    with pytest.raises(ValueError, match="is not a term; write a whole number"):
        Term.parse(text)


@pytest.mark.parametrize("text", ["101 years", "99999 days", "1201 months after the end of the year"])
def test_a_term_has_an_end(text: str) -> None:
    with pytest.raises(ValueError, match="longer than 100 years"):
        Term.parse(text)


@pytest.mark.parametrize("text", ["1 day", "30 days", "1 month", "3 years", "1 year after the end of the year"])
def test_written_as_read(text: str) -> None:
    assert str(Term.parse(text)) == text


@pytest.mark.parametrize(
    ("term", "floor", "under"),
    [
        ("3 years", "3 years", False),
        ("36 months", "3 years", False),
        ("35 months", "3 years", True),
        ("1095 days", "3 years", True),  # three years with a 29 February have 1096 days
        ("1096 days", "3 years", False),
        ("2 years after the end of the year", "3 years", True),  # from 31 December it ends sooner
        ("3 years after the end of the year", "3 years", False),
        ("0 days", "1 day", True),
    ],
)
def test_under_the_floor(term: str, floor: str, under: bool) -> None:
    assert Term.parse(term).is_under(Term.parse(floor)) is under

"""Letters: what was asked, what was done, kept and why, in three languages, and nothing of the person."""

import html
import re
from dataclasses import replace
from datetime import date
from typing import get_args

import pytest

from worker.reports.letter import Answer, Asked, Ground, Language, Line, Outcome, Why, file_name
from worker.reports.letter_forms import as_html, as_markdown
from worker.reports.letter_words import in_words

LANGUAGES: tuple[Language, ...] = get_args(Language)
DONE, UNTIL, LAST = date(2026, 11, 20), date(2026, 12, 20), date(2031, 12, 31)
LINES = (
    Line("users", "depersonalised", 1, Ground(basis="clause 5.3"), DONE, UNTIL, "clause 3.4"),
    Line("scans", "deleted", 12, Ground(basis="clause 5.3"), DONE),
    Line("visits", "deleted", None, Ground(basis="clause 5.3"), DONE),
    Line("payments", "kept", 3, Ground("term", "tax code", until=LAST)),
    Line("debt_cases", "kept", 2, Ground("hold", "law 94-V art. 8(2)", hold="open debt")),
)
ANSWER = Answer(
    operator="«KPI» ЖШС",
    asked="erasure",
    outcome="partly",
    reference="R-17",
    received_on=date(2026, 11, 3),
    answered_on=date(2026, 11, 24),
    lines=LINES,
    recipients=("мемлекеттік органдар", "Bank [A] *& Sons*"),
)


def test_in_english_everything_is_said() -> None:
    assert as_markdown(ANSWER, "en") == (
        """\
**«KPI» ЖШС**

No. R-17  
24 November 2026

# Answer to the request to erase personal data

Dear applicant,

On 3 November 2026 we received your request to erase your personal data.

Your request has been carried out in part. What was done, what is kept and on what ground is listed below.

In all: 12 records deleted, 1 record depersonalised, 5 records kept.

## Records

| Data | Outcome | Records | Ground | Kept until |
| --- | --- | --- | --- | --- |
| users | depersonalised, 20 November 2026; an archive copy is kept, the last day: 20 December 2026 (clause 3.4) | 1 | clause 5.3 |  |
| scans | deleted, 20 November 2026 | 12 | clause 5.3 |  |
| visits | deleted, 20 November 2026 | — | clause 5.3 |  |
| payments | kept | 3 | the term of storage has not ended (tax code) | 31 December 2031 |
| debt\\_cases | kept | 2 | there is a ground against deletion: open debt (law 94-V art. 8(2)) | as long as the ground exists |

## Who else received data

Under clause 3.10 of the privacy policy your data may have been passed to:

- мемлекеттік органдар
- Bank \\[A\\] \\*\\& Sons\\*

They may hold copies of their own. The operator informs them of the outcome of this request.

Backups of the database that were made earlier may hold the former data until they are replaced.

To protect your data, this letter does not repeat them.

If you do not agree with this answer, you may send the operator a written complaint; it is answered within 30 working days (clause 6.2).

For the operator: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_
"""  # noqa: E501, W291 - the lines of the letter are what they are
    )


def test_in_kazakh_and_in_russian() -> None:
    kazakh, russian = as_markdown(ANSWER, "kk"), as_markdown(ANSWER, "ru")
    assert "Сізден 2026 жылғы 3 қараша күні дербес деректеріңізді жою туралы өтінішіңіз алынды." in kazakh
    assert "| users | иесіздендірілді, 2026 жылғы 20 қараша; архивтік көшірмесі сақталады" in kazakh
    assert "5.3-тармақ" in kazakh
    assert "3 ноября 2026 г. нами получено Ваше обращение об уничтожении Ваших персональных данных." in russian
    assert "Всего: уничтожено 12 записей, обезличена 1 запись, сохраняется 5 записей." in russian
    assert "пункт 5.3" in russian


def test_a_refusal_says_why_and_until_when() -> None:
    grounds = (Ground("term", "clause 5.3", until=LAST), Ground(words="the person could not be identified"))
    letter = as_markdown(replace(ANSWER, outcome="refused", lines=(), grounds=grounds), "en")
    assert "Your request has been refused." in letter
    assert "- the term of storage has not ended (clause 5.3); until 31 December 2031" in letter
    assert "- the person could not be identified" in letter
    assert "informs them" not in letter
    assert "Backups" not in letter


def test_who_has_no_records_is_told_so() -> None:
    letter = as_markdown(replace(ANSWER, asked="access", outcome="done", lines=(), received_on=None), "en")
    assert "No records about you were found." in letter
    assert "we received" not in letter


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("asked", get_args(Asked))
@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_letter_can_be_written(language: Language, asked: Asked, outcome: Outcome) -> None:
    answer = replace(ANSWER, asked=asked, outcome=outcome, grounds=tuple(Ground(why) for why in get_args(Why)))
    page, text = as_html(answer, language), as_markdown(answer, language)
    letter = in_words(answer, language)
    for sentence in (letter.title, *letter.opening, *letter.grounds, *letter.closing):
        assert sentence in text
        assert html.escape(sentence).replace("&#x27;", "&#39;") in page
    assert f'<html lang="{language}">' in page
    assert not re.search("[{}]", text)


def test_the_page_escapes_what_it_is_given() -> None:
    line = replace(LINES[0], table="<script>alert(1)</script>")
    page = as_html(replace(ANSWER, operator="A & B <b>", lines=(line,)), "en")
    assert "<script>" not in page
    assert "A &amp; B &lt;b&gt;" in page


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    page = as_html(ANSWER, "kk")
    assert not re.search(r"<script|<link|<img|https?:|url\(", page)


def test_a_name_over_two_lines_cannot_break_the_table() -> None:
    text = as_markdown(replace(ANSWER, lines=(replace(LINES[0], table="a\n| b"),)), "en")
    assert "| a \\| b | depersonalised" in text


def test_the_files_name_holds_the_reference_only() -> None:
    assert file_name(ANSWER, "kk", "html") == "letter-R-17-kk.html"


@pytest.mark.parametrize("reference", ["", "../up", "a b", "Айгүл", "a" * 65, "a@b.kz"])
def test_what_could_be_a_name_or_a_path_is_no_reference(reference: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(reference) + "$"):
        replace(ANSWER, reference=reference)

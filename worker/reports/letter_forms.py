"""The forms of a letter: Markdown, and a page that stands alone and prints well."""

import re
from collections.abc import Sequence

from worker.reports.as_html import template
from worker.reports.letter import Answer, Language
from worker.reports.letter_words import in_words

_MARKS = re.compile(r"([\\`*_\[\]<>|#&~])")


def as_markdown(answer: Answer, language: Language) -> str:
    """The letter as Markdown. The same answer gives the same text, byte for byte."""
    letter = in_words(answer, language)
    parts = [f"**{_plain(letter.operator)}**", f"{_plain(letter.number)}  \n{_plain(letter.day)}"]
    parts += [f"# {_plain(letter.title)}", *map(_plain, letter.opening)]
    if letter.grounds_title:
        parts += [f"## {_plain(letter.grounds_title)}", _items(letter.grounds)]
    if letter.records_title:
        table = [_row(letter.columns), _row(["---"] * len(letter.columns))]
        table += [_row([_plain(cell) for cell in row]) for row in letter.rows]
        parts += [f"## {_plain(letter.records_title)}", "\n".join(table)]
    if letter.recipients_title:
        parts += [f"## {_plain(letter.recipients_title)}", _plain(letter.passed), _items(letter.recipients)]
        parts.append(_plain(letter.told))
    parts += [*map(_plain, letter.closing), f"{_plain(letter.signed)}: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_"]
    return "\n\n".join(parts) + "\n"


def as_html(answer: Answer, language: Language) -> str:
    """The letter as one self-contained page. The same answer gives the same text, byte for byte."""
    return template("letter_page.html").render(letter=in_words(answer, language))


def _plain(text: str) -> str:
    """A text that means nothing but itself in Markdown."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _items(texts: tuple[str, ...]) -> str:
    return "\n".join(f"- {_plain(text)}" for text in texts)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

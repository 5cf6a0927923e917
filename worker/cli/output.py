"""How verbs speak: a table on a terminal, JSON in a pipe, a sentence and an exit code when something is wrong."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, NoReturn

from config.catalogue import text

CLEAN, FAILURES, REFUSED, ERROR = 0, 1, 2, 3
WORD = 10  # letters that a narrow terminal leaves of every column


def wants_json(asked: bool) -> bool:
    """JSON where it was asked for, or where nobody looks."""
    return asked or not sys.stdout.isatty()


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], whole: Sequence[str] = ()
) -> None:
    """A table for people: numbers to the right, `whole` columns never broken, the others at words. Columns are named
    as in the catalogue's section heading."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [list(row) for row in rows]
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.padding = (0, 1, 0, 0)
    for index, column in enumerate(columns):
        numeric = bool(lines) and all(isinstance(line[index], int) for line in lines)
        heading = Text(text(f"heading.{column}"))
        justify: Literal["left", "right"] = "right" if numeric else "left"
        least = 0 if numeric else min(WORD, max((len(_cell(line[index])) for line in lines), default=0))
        table.add_column(heading, overflow="fold", justify=justify, no_wrap=numeric or column in whole, min_width=least)
    for line in lines:
        table.add_row(*(Text(_cell(cell)) for cell in line))  # as Text: square brackets in a name are no markup
    Console(highlight=False).print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def in_size(count: int) -> str:
    """Bytes as people read them: 51 KiB."""
    size = float(count)
    for unit in ("bytes", "kib", "mib"):
        if size < 1024:
            return text(f"format.{unit}", amount=f"{size:.0f}")
        size /= 1024
    return text("format.gib", amount=f"{size:.1f}")


def progress(line: str) -> None:
    """How far long work is, over the line before, on a terminal only; an empty line clears it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{line:<40}\r")
        sys.stderr.flush()


@contextmanager
def busy(line: str) -> Iterator[None]:
    """A line on a terminal while something takes long; nothing in a pipe."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(line):
        yield


def say(line: str) -> None:
    """A line for people, on standard output."""
    sys.stdout.write(line + "\n")


def tell(line: str) -> None:
    """A line for people, on standard error: results stay clean for pipes."""
    sys.stderr.write(line + "\n")


def stop(sentence: str, code: int) -> NoReturn:
    """End the program with a sentence."""
    tell(sentence)
    raise SystemExit(code)


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by reason in one cell: "open debt 3, blocked 1"."""
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "-"

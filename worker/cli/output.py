"""How verbs speak: a table on a terminal, JSON in a pipe, a sentence and an exit code when something is wrong."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

CLEAN, FAILURES, REFUSED, ERROR = 0, 1, 2, 3


def wants_json(asked: bool) -> bool:
    """JSON where it was asked for, or where nobody looks."""
    return asked or not sys.stdout.isatty()


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def say(text: str) -> None:
    """A line for people, on standard output."""
    sys.stdout.write(text + "\n")


def tell(text: str) -> None:
    """A line for people, on standard error: results stay clean for pipes."""
    sys.stderr.write(text + "\n")


def stop(text: str, code: int) -> NoReturn:
    """End the program with a sentence."""
    tell(text)
    raise SystemExit(code)


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by reason in one cell: "open debt 3, blocked 1"."""
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "-"

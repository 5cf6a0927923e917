"""invented name: names of people who do not exist, for columns that must hold a name."""

import re
from collections.abc import Sequence
from random import Random
from typing import Any, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.strategies.base import Strategy
from worker.strategies.names import Part, every_name
from worker.strategies.sql import as_text, is_postgresql, position

_PARTS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("middle", re.compile(r"middle|patronym|otchestvo|second_?name|отчеств|әке", re.IGNORECASE)),
    ("last", re.compile(r"last|surname|family|familiya|фамил|тегі|тек$", re.IGNORECASE)),
    ("first", re.compile(r"first|given|forename|^imya$|^имя$|^аты$|^есімі?$", re.IGNORECASE)),
)
_ORDER: tuple[Part, ...] = ("last", "first", "middle")


def part_of(column_name: str) -> Part | Literal["full"]:
    """Which part of a name a column holds, by its name; "full" when the name does not say."""
    return next((part for part, pattern in _PARTS if pattern.search(column_name)), "full")


class InventedName(Strategy):
    """Kazakh and Russian names; the parts of one row agree in sex when they are made together (`make_rows`).

    The sex is drawn too: the old name says nothing about the new one. An original may
    by chance be a name of ours, so `looks_done` proves nothing.
    """

    name = "invented name"
    summary = text("strategy_does.invented_name")
    types = frozenset({"text"})
    made_in = "python"
    proves_done = False

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy. Without a telling column name: last, first and middle name together."""
        part = part_of(column_name)
        parts = _ORDER if part == "full" else (part,)
        return sum(max(map(len, every_name(each))) for each in parts) + len(parts) - 1

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy."""
        return [row[0] for row in self.make_rows([column_name], [[value] for value in values], argument, random)]

    def make_rows(
        self,
        column_names: Sequence[str],
        rows: Sequence[Sequence[Any]],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        """One invented person per row."""
        from faker import Generator

        from worker.strategies.provider import KazakhstanNames

        generator = Generator()
        generator.random = random
        invent = KazakhstanNames(generator).kazakhstan_name
        parts = [part_of(name) for name in column_names]
        return [_named(invent(), parts, row) for row in rows]

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy. Of a full name the first word is looked at, which is a last name."""
        text, part = as_text(column), part_of(str(getattr(column, "name", "")))
        is_postgresql(dialect)
        if part == "full":
            part, text = (
                "last",
                sa.func.substr(text, 1, position(text + " ", " ", dialect) - 1, type_=sa.Text),
            )
        return sa.or_(column.is_(None), text.in_(sorted(every_name(part))))

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy. A part of any kind, or a last name followed by the others."""
        if value is None or any(value in every_name(part) for part in _ORDER):
            return True
        last, blank, _ = str(value).partition(" ")
        return bool(blank) and last in every_name("last")


def _named(person: dict[Part, str], parts: Sequence[Part | Literal["full"]], row: Sequence[Any]) -> tuple[Any, ...]:
    full = " ".join(person[part] for part in _ORDER)
    return tuple(
        None if value is None else full if part == "full" else person[part]
        for part, value in zip(parts, row, strict=True)
    )

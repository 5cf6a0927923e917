"""region: an address without street and house."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.identifiers.folding import fold
from worker.strategies.base import Strategy
from worker.strategies.fixed import unquote
from worker.strategies.regions import PLACES
from worker.strategies.sql import as_text, is_postgresql

_Tongue = Literal["kazakh", "russian"]
_TOWN_WORDS: dict[_Tongue, re.Pattern[str]] = {
    "kazakh": re.compile(r"^қ(?:\.|\s)\s*|\s+(?:қаласы|қала|қ\.?)$"),
    "russian": re.compile(r"^(?:г(?:\.|\s)|гор\.|город\s)\s*|\s+(?:город|г\.?)$"),
}
_REGION_WORDS: dict[_Tongue, re.Pattern[str]] = {
    "kazakh": re.compile(r"\s+облысы$"),
    "russian": re.compile(r"^(?:область\s|обл(?:\.|\s))\s*|\s*(?:область|обл\.?)$"),
}


@dataclass(frozen=True)
class _Gazetteer:
    """What is written for a bare name that stood beside the word region, and for one that did not."""

    regions: dict[str, str]
    towns: dict[str, str]


def _gazetteer(tongue: _Tongue) -> _Gazetteer:
    regions, towns = dict[str, str](), dict[str, str]()
    for place in PLACES:
        written = place.kazakh if tongue == "kazakh" else place.russian
        names = place.kazakh_names if tongue == "kazakh" else place.russian_names
        bare, beside = _REGION_WORDS[tongue].subn("", written.casefold())
        if beside:
            regions |= dict.fromkeys((bare, *names.casefold().split(", ")), written)
        towns |= dict.fromkeys(names.casefold().split(", "), written)
    return _Gazetteer(regions, towns)


# Kazakh first: it answers for a bare name that is spelt alike in both, such as Алматы.
_GAZETTEERS: dict[_Tongue, _Gazetteer] = {"kazakh": _gazetteer("kazakh"), "russian": _gazetteer("russian")}
_WRITTEN = tuple(dict.fromkeys(written for place in PLACES for written in (place.kazakh, place.russian)))


class Region(Strategy):
    """The region or republican city that an address begins with, in the language it is written in.

    The parts between commas are read from the left. The first that is, as a whole, the name of a region, of a
    republican city or of a larger town (with or without обл., г., облысы, қаласы) decides, and the *region's*
    name from a fixed list of 40 is written: "101400, г. Темиртау, ул. Абая, 10" becomes "Карагандинская
    область". Nothing of the original text is copied, so street and house cannot stay. An address without such
    a part becomes the argument, or the empty text.
    """

    name = "region"
    summary = text("strategy_does.region")
    argument = text("strategy_argument.region")
    argument_optional = True
    types = frozenset({"text"})
    made_in = "python"

    def wrong_argument(self, argument: str) -> str | None:
        """See Strategy."""
        try:
            unquote(argument)
        except ValueError:
            return text("strategy.wrong_argument", name=self.name, wanted=self.argument)
        return None

    def longest(self, argument: str | None, column_name: str = "") -> int | None:
        """See Strategy."""
        return max(map(len, _possible(argument)))

    def make(
        self,
        values: Sequence[Any],
        argument: str | None,
        random: Random,
        allow: Sequence[str] = (),
        column_name: str = "",
    ) -> list[Any]:
        """See Strategy."""
        otherwise = _possible(argument)[-1]
        return [None if value is None else _region_in(str(value)) or otherwise for value in values]

    def looks_done(self, column: sa.ColumnElement[Any], argument: str | None, dialect: str) -> sa.ColumnElement[bool]:
        """See Strategy."""
        is_postgresql(dialect)
        return sa.or_(column.is_(None), as_text(column).in_(_possible(argument)))

    def is_done(self, value: Any, argument: str | None, allow: Sequence[str] = ()) -> bool:
        """See Strategy."""
        return value is None or value in _possible(argument)


def _possible(argument: str | None) -> tuple[str, ...]:
    return (*_WRITTEN, unquote(argument) if argument is not None else "")


def _region_in(address: str) -> str | None:
    parts = (" ".join(part.split()).casefold() for part in fold(address).text.split(","))
    return next((found for part in parts if (found := _known(part))), None)


def _known(part: str) -> str | None:
    """What is written for one part of an address; a word beside the name tells the language."""
    for tongue, gazetteer in _GAZETTEERS.items():
        for words, names in ((_REGION_WORDS, gazetteer.regions), (_TOWN_WORDS, gazetteer.towns)):
            bare, beside = words[tongue].subn("", part)
            if beside:
                return names.get(bare)
    return next((each.towns[part] for each in _GAZETTEERS.values() if part in each.towns), None)

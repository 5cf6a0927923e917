"""From the file's nodes to values: the small readers, which collect problems and never raise.

What cannot be read becomes a stand-in, so that everything after it is read too and all problems come at once.
A policy made of stand-ins is only ever checked, never carried out, because a problem always goes with one.
"""

import re
from collections.abc import Callable, Collection
from datetime import date, time
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from config.catalogue import text
from config.names import table_name
from config.policy import UNREAD, ColumnRef
from config.problems import Problem, did_you_mean, nearest, place_of
from config.schema import DATE_PATTERN, DEFS, EXAMPLES, TIME_PATTERN
from config.term import Term
from config.yaml_text import Blank, Document, Entries, Items, Node, Text

T = TypeVar("T")

NO_TERM = Term(count=0, unit="days")
NO_COLUMN = ColumnRef(table=UNREAD, column=UNREAD)


class Reading:
    """One pass over one document."""

    def __init__(self, document: Document, source: str) -> None:
        self.problems: list[Problem] = list(document.problems)
        self._places = document.places
        self._source = source

    def problem(self, path: str, sentence: str) -> None:
        """Note a problem at a path, with the place of the path or of its nearest ancestor."""
        line, column = place_of(self._places, path)
        self.problems.append(Problem("error", path, line, column, sentence, source=self._source))

    def entries(self, node: Node | None, shape: str) -> dict[str, Node]:
        """The entries of a mapping whose words `shape` lists; unknown and missing words are problems.

        A misspelled word is read on as the word that was meant, so one mistake gives one sentence.
        """
        if not isinstance(node, Entries):
            self._wrong_kind(node, text("policy_kind.words", words=", ".join(DEFS[shape]["properties"])))
            return {}
        known: Collection[str] = DEFS[shape]["properties"]
        found: dict[str, Node] = {word: value for word, value in node.entries.items() if word in known}
        for word, value in node.entries.items():
            if word not in known:
                advice = did_you_mean(word, known)
                self.problem(value.path, text("policy_shape.unknown_word", word=word, advice=advice))
                found.setdefault(nearest(word, known) or word, value)
        for word in DEFS[shape].get("required", ()):
            if word not in found:
                self.problem(node.path, text("policy_shape.missing", word=word, example=EXAMPLES[word]))
        return found

    def named(self, node: Node | None, least: int = 0) -> dict[str, Node]:
        """The entries of a mapping whose keys are names that the author chose."""
        if not isinstance(node, Entries):
            self._wrong_kind(node, text("policy_kind.names"))
            return {}
        if len(node.entries) < least:
            self.problem(node.path, text("policy_shape.no_names"))
        return node.entries

    def items(self, node: Node | None, least: int = 0) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, Items):
            self._wrong_kind(node, text("policy_kind.items"))
            return []
        if len(node.items) < least:
            self.problem(node.path, text("policy_shape.no_items"))
        return node.items

    def text(self, node: Node | None) -> str:
        """A text that is not empty."""
        if not isinstance(node, Text):
            self._wrong_kind(node, text("policy_kind.text"))
            return ""
        if not node.value.strip():
            self.problem(node.path, text("policy_shape.no_text"))
        return node.value.strip()

    def optional_text(self, node: Node | None) -> str | None:
        """A text that may be left out, but is not empty where it stands."""
        return None if node is None else self.text(node)

    def texts(self, node: Node | None, least: int = 0) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self.text(item) for item in self.items(node, least))

    def names(self, node: Node | None, known: Collection[str] | None = None, unknown: str = "") -> tuple[str, ...]:
        """One name, or a list of them; where `known` is given, each is one of those, or `unknown` is said."""
        nodes = [node] if isinstance(node, Text) else self.items(node, least=1)
        names = tuple(self.text(item) for item in nodes)
        for item, name in zip(nodes, names, strict=True):
            if known is not None and name and name not in known:
                self.problem(item.path, text(unknown, name=name, advice=did_you_mean(name, known)))
        return names

    def parsed(self, node: Node | None, parse: Callable[[str], T], stand_in: T) -> T:
        """A text through `parse`, whose ValueError is the sentence of the problem."""
        written = self.text(node)
        return self.checked(node.path, written, parse, stand_in) if node and written else stand_in

    def checked(self, path: str, written: str, parse: Callable[[str], T], stand_in: T) -> T:
        """What is `written` at `path`, through `parse`; a ValueError is the sentence of the problem."""
        try:
            return parse(written)
        except ValueError as error:
            self.problem(path, str(error))
            return stand_in

    def word(self, node: Node | None, word: str, otherwise: str = "") -> bool:
        """Whether this word stands there; anything else is a problem, `otherwise` names what else may stand."""
        written = self.text(node)
        if written and written != word:
            key = "policy_shape.other_words" if otherwise else "policy_shape.other_word"
            self.problem(node.path if node else "", text(key, text=written, word=word, otherwise=otherwise))
        return written == word

    def term(self, node: Node | None) -> Term:
        """A term; `NO_TERM` itself where there is none to read."""
        return self.parsed(node, Term.parse, NO_TERM)

    def table(self, node: Node | None) -> str:
        """A table's name."""
        return table_name(self.text(node))

    def column(self, node: Node | None) -> ColumnRef:
        """A `table.column`."""
        return self.parsed(node, ColumnRef.parse, NO_COLUMN)

    def limit(self, node: Node | None, most: int | None = None) -> int | None:
        """A whole number from 0 (which permits nothing) to `most`; None where the key is left out."""
        return None if node is None else self.parsed(node, lambda written: _limit(written, most), 0)

    def _wrong_kind(self, node: Node | None, wanted: str) -> None:
        if node is None or isinstance(node, Blank):
            return
        if isinstance(node, Entries) and any(isinstance(value, Blank) for value in node.entries.values()):
            return  # `{a, b}` was meant as a list, and its empty values are named already
        kind = "a_list" if isinstance(node, Items) else "a_mapping" if isinstance(node, Entries) else "a_text"
        self.problem(node.path, text("policy_shape.other_kind", found=text(f"policy_kind.{kind}"), wanted=wanted))


def _limit(written: str, most: int | None) -> int:
    if re.fullmatch(r"-\d+", written, re.ASCII):
        raise ValueError(text("policy_value.negative", text=written))
    if not re.fullmatch(r"\d{1,15}", written, re.ASCII):
        raise ValueError(text("policy_value.no_number", text=written))
    if most is not None and int(written) > most:
        raise ValueError(text("policy_value.too_much", text=written, most=str(most)))
    return int(written)


def name_without_slash(written: str) -> str:
    """A permanent name; tombstones join policy and stage with a slash, so neither may hold one."""
    if "/" in written:
        raise ValueError(text("policy_value.slash", text=written))
    return written


def time_zone(written: str) -> str:
    """The name of a zone that the time zone database knows."""
    try:
        return ZoneInfo(written).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(written, available_timezones())
        advice = text("advice.near", name=near) if near else text("advice.zone")
        raise ValueError(text("policy_value.no_zone", text=written, advice=advice)) from None


def calendar_date(written: str) -> date:
    """A date as `1991-01-01`."""
    try:
        if re.match(DATE_PATTERN, written, re.ASCII):
            return date.fromisoformat(written)
    except ValueError:
        pass
    raise ValueError(text("policy_value.no_date", text=written))


def clock_time(written: str) -> time:
    """A time of day as `01:30`."""
    if not re.match(TIME_PATTERN, written, re.ASCII):
        raise ValueError(text("policy_value.no_time", text=written))
    return time.fromisoformat(written)

"""From the file's nodes to values: the small readers, which collect problems and never raise.

What cannot be read becomes a stand-in, so that everything after it is read too and all problems come at once.
A policy made of stand-ins is only ever checked, never carried out, because a problem always goes with one.
"""

import re
from collections.abc import Callable, Collection
from datetime import date, time
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

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
            self._wrong_kind(node, f"words with values: {', '.join(DEFS[shape]['properties'])}")
            return {}
        known: Collection[str] = DEFS[shape]["properties"]
        found: dict[str, Node] = {word: value for word, value in node.entries.items() if word in known}
        for word, value in node.entries.items():
            if word not in known:
                self.problem(value.path, f"`{word}` is not a word of this place; {did_you_mean(word, known)}")
                found.setdefault(nearest(word, known) or word, value)
        for word in DEFS[shape].get("required", ()):
            if word not in found:
                example = f"{word}: {EXAMPLES[word]}"
                self.problem(node.path, f"`{word}` is missing; add it, for example `{example}`")
        return found

    def named(self, node: Node | None, least: int = 0) -> dict[str, Node]:
        """The entries of a mapping whose keys are names that the author chose."""
        if not isinstance(node, Entries):
            self._wrong_kind(node, "names, each with its value")
            return {}
        if len(node.entries) < least:
            self.problem(node.path, "this is empty; write at least one name with its value")
        return node.entries

    def items(self, node: Node | None, least: int = 0) -> list[Node]:
        """The items of a list."""
        if not isinstance(node, Items):
            self._wrong_kind(node, "a list, such as `[a, b]`")
            return []
        if len(node.items) < least:
            self.problem(node.path, "this list is empty; write at least one item, or remove its key")
        return node.items

    def text(self, node: Node | None) -> str:
        """A text that is not empty."""
        if not isinstance(node, Text):
            self._wrong_kind(node, "one text")
            return ""
        if not node.value.strip():
            self.problem(node.path, "this text is empty; write it, or remove its key")
        return node.value.strip()

    def optional_text(self, node: Node | None) -> str | None:
        """A text that may be left out, but is not empty where it stands."""
        return None if node is None else self.text(node)

    def texts(self, node: Node | None, least: int = 0) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self.text(item) for item in self.items(node, least))

    def names(self, node: Node | None, known: Collection[str] | None = None, what: str = "") -> tuple[str, ...]:
        """One name, or a list of them; where `known` is given, each is one of those (`what` says of what kind)."""
        nodes = [node] if isinstance(node, Text) else self.items(node, least=1)
        names = tuple(self.text(item) for item in nodes)
        for item, name in zip(nodes, names, strict=True):
            if known is not None and name and name not in known:
                self.problem(item.path, f"there is no {what} `{name}`; {did_you_mean(name, known)}")
        return names

    def parsed(self, node: Node | None, parse: Callable[[str], T], stand_in: T) -> T:
        """A text through `parse`, whose ValueError is the sentence of the problem."""
        text = self.text(node)
        return self.checked(node.path, text, parse, stand_in) if node and text else stand_in

    def checked(self, path: str, text: str, parse: Callable[[str], T], stand_in: T) -> T:
        """`text`, which stands at `path`, through `parse`; a ValueError is the sentence of the problem."""
        try:
            return parse(text)
        except ValueError as error:
            self.problem(path, str(error))
            return stand_in

    def word(self, node: Node | None, word: str, otherwise: str = "") -> bool:
        """Whether this word stands there; anything else is a problem, `otherwise` names what else may stand."""
        text = self.text(node)
        if text and text != word:
            advice = f"`{word}` or {otherwise}" if otherwise else f"`{word}`"
            self.problem(node.path if node else "", f"`{text}` cannot stand here; write {advice}")
        return text == word

    def term(self, node: Node | None) -> Term:
        """A term; `NO_TERM` itself where there is none to read."""
        return self.parsed(node, Term.parse, NO_TERM)

    def column(self, node: Node | None) -> ColumnRef:
        """A `table.column`."""
        return self.parsed(node, ColumnRef.parse, NO_COLUMN)

    def limit(self, node: Node | None, most: int | None = None) -> int | None:
        """A whole number from 0 (which permits nothing) to `most`; None where the key is left out."""
        return None if node is None else self.parsed(node, lambda text: _limit(text, most), 0)

    def _wrong_kind(self, node: Node | None, wanted: str) -> None:
        if node is None or isinstance(node, Blank):
            return
        if isinstance(node, Entries) and any(isinstance(value, Blank) for value in node.entries.values()):
            return  # `{a, b}` was meant as a list, and its empty values are named already
        stands = "a list" if isinstance(node, Items) else "a mapping" if isinstance(node, Entries) else "a text"
        self.problem(node.path, f"{stands} stands here; write {wanted}")


def _limit(text: str, most: int | None) -> int:
    if re.fullmatch(r"-\d+", text, re.ASCII):
        raise ValueError(f"`{text}` is negative; write 0 to permit nothing, or remove the key for no limit")
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise ValueError(f"`{text}` is not a whole number; write it in digits only, for example `20000`")
    if most is not None and int(text) > most:
        raise ValueError(f"`{text}` is more than {most}; write a number from 0 to {most}")
    return int(text)


def name_without_slash(text: str) -> str:
    """A permanent name; tombstones join policy and stage with a slash, so neither may hold one."""
    if "/" in text:
        raise ValueError(f"`{text}` holds a slash, which joins the names of policy and stage; write it without")
    return text


def time_zone(text: str) -> str:
    """The name of a zone that the time zone database knows."""
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(text, available_timezones())
        advice = f"did you mean `{near}`?" if near else "write it as in `Asia/Almaty`"
        raise ValueError(f"`{text}` is not a known time zone; {advice}") from None


def calendar_date(text: str) -> date:
    """A date as `1991-01-01`."""
    try:
        if re.match(DATE_PATTERN, text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"`{text}` is not a date; write year, month and day, for example `1991-01-01`")


def clock_time(text: str) -> time:
    """A time of day as `01:30`."""
    if not re.match(TIME_PATTERN, text, re.ASCII):
        raise ValueError(f"`{text}` is not a time of day; write hours and minutes, for example `01:30`")
    return time.fromisoformat(text)

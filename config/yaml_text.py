"""Strict YAML in which every scalar is text and everything knows its line and column.

YAML itself lets a doubled key win silently, makes a null out of `{a, b: keep}` and a number out of `01:30`.
Here the first two are problems with a sentence, and the third stays what was written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from config.catalogue import text
from config.marks import Marks, proposed
from config.problems import Problem

DEEPEST = 20
_NULLS = {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True)
class Node:
    """Something of the file: its dotted path, and the line and column (from 1) of its key or of itself."""

    path: str
    line: int
    column: int


@dataclass(frozen=True)
class Text(Node):
    """A scalar, as written."""

    value: str


@dataclass(frozen=True)
class Items(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True)
class Entries(Node):
    """A mapping, in file order, without doubled keys."""

    entries: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Blank(Node):
    """Something unusable that a problem already names; readers pass over it in silence."""


@dataclass(frozen=True)
class Document:
    """What was read: `root` is None when there is nothing to go on with."""

    root: Node | None
    problems: list[Problem]
    places: dict[str, tuple[int, int]]


def read_yaml(text: str, source: str) -> Document:
    """Read `text`, never raising for what it says: the first document, with every problem of its YAML."""
    builder = _Builder(text, source)
    root = builder.document()
    return Document(root, [*builder.problems, *builder.marks.problems(source)], builder.places)


class _Builder:
    """Builds the tree from PyYAML's events, which show what its loaders hide: anchors, tags, doubled keys."""

    def __init__(self, text: str, source: str) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, tuple[int, int]] = {}
        self.marks = Marks()
        self._source = source
        self._text = text
        self._events: Iterator[yaml.Event] = iter(())

    def document(self) -> Node | None:
        try:
            # The scanner looks at the whole text for unprintable characters before the first event.
            self._events = yaml.parse(self._text, Loader=yaml.SafeLoader)
            return self._document()
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            line, column = before.count("\n") + 1, error.position - before.rfind("\n")
            self._problem("", line, column, text("policy_text.forbidden_character"))
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            reason = ": ".join(part for part in (error.context, error.problem) if part)
            self._problem("", line, column, text("policy_text.no_yaml", reason=reason))
        return None

    def _document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._problem("", *_position(event), text("policy_text.second_document"))
                    return root
                first = next(self._events)
                root = self._node(first, "", _position(first), 0)
        if root is None:
            self._problem("", 1, 1, text("policy_text.empty"))
        return root

    def _node(self, event: yaml.Event, path: str, place: tuple[int, int], depth: int) -> Node:
        self.places[path] = place
        blank = Blank(path, *place)
        if isinstance(event, yaml.AliasEvent):
            self._problem(path, *_position(event), text("policy_text.alias", name=event.anchor))
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            self._refuse_marks(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, place)
        if isinstance(event, yaml.CollectionStartEvent) and depth == DEEPEST:
            self._problem(path, *_position(event), text("policy_text.too_deep", most=str(DEEPEST)))
            self._skip()
            return blank
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(path, place, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._entries(path, place, depth)
        return blank

    def _refuse_marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: str) -> None:
        if event.anchor is not None:
            self._problem(path, *_position(event), text("policy_text.anchor", name=event.anchor))
        if event.tag is not None:
            self._problem(path, *_position(event), text("policy_text.tag", tag=event.tag))

    def _scalar(self, event: yaml.ScalarEvent, path: str, place: tuple[int, int]) -> Node:
        if event.style is None and event.value in _NULLS:
            if event.tag is None and event.anchor is None:
                key = "policy_text.null" if event.value else "policy_text.empty_value"
                self._problem(path, *place, text(key, value=event.value))
            return Blank(path, *place)
        proposal = proposed(event.value, plain=event.style is None)
        if proposal is not None:
            self.marks.note(path, place, proposal)
        written = event.value if proposal is None else proposal
        return Text(path, *place, written) if written or proposal is None else Blank(path, *place)

    def _items(self, path: str, place: tuple[int, int], depth: int) -> Node:
        items = Items(path, *place)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.items.append(self._node(event, f"{path}[{len(items.items)}]", _position(event), depth + 1))
        return items

    def _entries(self, path: str, place: tuple[int, int], depth: int) -> Node:
        entries = Entries(path, *place)
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            name = self._key(key, path, depth)
            if name is None:
                self._skip_node(next(self._events))
                continue
            here = _position(key)
            proposal = proposed(name, plain=key.style is None) if isinstance(key, yaml.ScalarEvent) else None
            if proposal is not None:
                self.marks.note(path, here, proposal, is_name=True)
                name = proposal or name
            child = f"{path}.{name}" if path else name
            if name in entries.entries:
                first = str(entries.entries[name].line)
                self._problem(child, *here, text("policy_text.twice", name=name, line=first))
                self._skip_node(next(self._events))
                continue
            entries.entries[name] = self._node(next(self._events), child, here, depth + 1)
        return entries

    def _key(self, event: yaml.Event, path: str, depth: int) -> str | None:
        plain = isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None
        if plain and isinstance(event, yaml.ScalarEvent) and event.value.strip():
            return event.value
        self._problem(path, *_position(event), text("policy_text.no_plain_key"))
        self._skip_node(event)
        return None

    def _skip_node(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionStartEvent):
            self._skip()

    def _skip(self) -> None:
        """Pass over the rest of the list or mapping that has just been entered."""
        depth = 1
        while depth:
            event = next(self._events)
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)

    def _problem(self, path: str, line: int, column: int, sentence: str) -> None:
        self.problems.append(Problem("error", path, line, column, sentence, source=self._source))


def _position(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)

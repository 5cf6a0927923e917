"""Differences of schema since a copy was made: bridged by name where nothing can be lost, else told."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.catalogue import text
from config.names import join_names
from worker.archive.format import TableHeader
from worker.databases.facts import TableFacts

_TYPE = re.compile(r"([a-z ]+?) ?(?:\((\d+)(?:, ?(-?\d+))?\))?( with(?:out)? time zone)?")
_SYNONYMS = {
    "varchar": "character varying",
    "char": "character",
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "decimal": "numeric",
}
_WHOLE = ("smallint", "integer", "bigint", "numeric")
_LENGTHS = ("character varying", "bit varying", "character", "timestamp", "time", "interval")


@dataclass(frozen=True)
class Fit:
    """How one archived table stands to the live one: what forbids putting it back, and which of its columns cannot be
    read as the live columns of their names."""

    problems: tuple[str, ...]
    unfit: frozenset[str]


def name_of(header: TableHeader) -> str:
    """The archived table's name as a policy writes it."""
    return join_names(*([header.schema] if header.schema else []), header.table)


def fit(facts: TableFacts | None, header: TableHeader, encoding: str, refused: Mapping[str, str]) -> Fit:
    """Compare. `refused` are columns of which a value was found that does not fit, with their live types."""
    name = name_of(header)
    if facts is None or not facts.changeable:
        return Fit((text("restoring.table_gone", table=name),), frozenset(c.name for c in header.columns))
    found = list(_table_differs(name, facts, header, encoding))
    unfit = set()
    for column in header.columns:
        where = f"{name}.{join_names(column.name)}"
        if column.name not in facts.table.c:
            found.append(text("restoring.column_gone", column=where))
        elif not is_widened(column.type, now := facts.types[column.name]):
            found.append(text("restoring.other_type", column=where, archived=column.type, now=now))
        elif column.name in refused:
            found.append(text("restoring.other_value", column=where, now=now, error=refused[column.name]))
        else:
            continue
        unfit.add(column.name)
    return Fit((*found, *_new_columns(name, facts, header)), frozenset(unfit))


def _table_differs(name: str, facts: TableFacts, header: TableHeader, encoding: str) -> Iterator[str]:
    if header.encoding != encoding:
        yield text("restoring.other_database", table=name, encoding=header.encoding)
    if header.key != facts.key:
        keys = {"archived": ", ".join(header.key), "now": ", ".join(facts.key)}
        yield text("restoring.other_key", table=name, **keys)


def _new_columns(name: str, facts: TableFacts, header: TableHeader) -> Iterator[str]:
    archived = {c.name for c in header.columns}
    for live in facts.table.c:
        needed = not live.nullable and live.server_default is None and live.computed is None and live.identity is None
        if live.name not in archived and needed:
            yield text("restoring.new_column", column=f"{name}.{join_names(live.name)}")


def is_widened(archived: str, now: str) -> bool:
    """Whether every value of the archived type is one of the present type, and the database writes both alike."""
    if archived == now:
        return True
    old, new = _parsed(archived), _parsed(now)
    if old is None or new is None:
        return False
    (kind, size, scale), (other, other_size, other_scale) = old, new
    if kind in _WHOLE[:3] and other in _WHOLE:
        return other_size is None and _WHOLE.index(kind) <= _WHOLE.index(other)
    if kind == other == "numeric":
        return other_size is None or (
            size is not None and other_scale >= scale and other_size - other_scale >= size - scale
        )
    if (kind, other) in (("character varying", "text"), ("text", "character varying")):
        return other_size is None
    bare = kind.removesuffix(" with time zone").removesuffix(" without time zone")
    return kind == other and bare in _LENGTHS and _longer(bare, size, other_size)


def _longer(kind: str, size: int | None, other_size: int | None) -> bool:
    if other_size is None:
        return kind != "character"  # which alone means one letter
    return size is not None and other_size >= size


def _parsed(kind: str) -> tuple[str, int | None, int] | None:
    found = _TYPE.fullmatch(kind.lower())
    if found is None:
        return None
    base, size, scale, zone = found.groups()
    return _SYNONYMS.get(base, base) + (zone or ""), int(size) if size else None, int(scale or 0)

"""Who has this IIN, e-mail or phone: people, and rows of strangers, in every column under `identifiers`.

What was given stays in memory: it is a bound parameter at most, and stands in no message. The database leaves out what
certainly is not it; what it cannot read as merzim does (letters for digits, other scripts) comes through in portions.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from config.policy import ColumnRef, Policy
from worker.identifiers.email import normalise_email
from worker.identifiers.iin import is_iin, normalise_iin
from worker.identifiers.phone import phones_in_field
from worker.office.kin import owners, with_twins
from worker.pipeline.tools import Refused
from worker.plan.keys import Key
from worker.plan.scene import Scene

ROWS_AT_ONCE = 2_000
FEW = 20  # wanted values that a condition names one by one
SEPARATORS = " ()+./\t-"  # of numbers; the hyphen comes last, so that it means itself among signs too
NUMBER_SIGNS, ADDRESS_SIGNS = f"0-9{SEPARATORS}", "!-~"


@dataclass(frozen=True)
class Wanted:
    """What somebody gave, read in every way that it can be: kind of identifier -> its one spelling."""

    readings: Mapping[str, str] = field(repr=False)

    @property
    def doubtful_iin(self) -> bool:
        """Whether it can only be an IIN, and its check digit is wrong: a typing mistake, here or in the database."""
        return list(self.readings) == ["iin"] and not is_iin(self.readings["iin"])


@dataclass(frozen=True)
class Place:
    """Somebody whom the identifier may mean: one person, all their rows; or a row that leads to none of the people
    found, and `leads_to` whom it leads to."""

    table: str
    keys: tuple[Key, ...]
    columns: tuple[str, ...]
    leads_to: tuple[Key, ...] = ()


def read_identifier(written: str) -> Wanted:
    """What is written, as IIN, e-mail and phone. Raises Refused when it is none of them."""
    readings = {kind: values[0] for kind, read in _READERS.items() if (values := read(written))}
    if not readings:
        raise Refused(text("searching.no_identifier"))
    return Wanted(readings)


def find_places(connection: sa.Connection, scene: Scene, wanted: Sequence[Wanted]) -> list[list[Place]]:
    """For each of those wanted everybody whom it may mean: the people first, then rows of strangers. Raises Refused
    where the policy names no columns for any kind of identifier."""
    searched = [(kind, c) for kind in _READERS for c in _columns(scene.policy, kind) if c.table in scene.schema.tables]
    if not searched:
        raise Refused(text("searching.no_columns", policy=scene.policy.name))
    hits: list[dict[tuple[str, Key], dict[str, None]]] = [{} for _ in wanted]
    for kind, column in searched:
        for number, key in _search(connection, scene, kind, column, wanted):
            hits[number].setdefault((column.table, key), {})[str(column)] = None
    people = list(dict.fromkeys(k for found in hits for table, k in found if table == scene.subject))
    twins = with_twins(connection, scene, people)
    leading = _leading(connection, scene, hits)
    return [_places(scene, found, twins, leading) for found in hits]


def _columns(policy: Policy, kind: str) -> list[ColumnRef]:
    """Columns that hold this kind of identifier; one that only identifies together with others is not searched."""
    return [c for together in policy.identifiers.get(kind, ()) if len(together) == 1 for c in together]


def _leading(
    connection: sa.Connection, scene: Scene, hits: Sequence[Mapping[tuple[str, Key], Any]]
) -> dict[tuple[str, Key], set[Key]]:
    by_table: dict[str, dict[Key, None]] = {}
    for found in hits:
        for table, key in found:
            if table != scene.subject:
                by_table.setdefault(table, {})[key] = None
    return {
        (table, key): people
        for table, keys in by_table.items()
        for key, people in owners(connection, scene, table, list(keys)).items()
    }


def _places(
    scene: Scene,
    found: Mapping[tuple[str, Key], Mapping[str, None]],
    twins: Mapping[Key, tuple[Key, ...]],
    leading: Mapping[tuple[str, Key], set[Key]],
) -> list[Place]:
    """One person once, whatever rows they have; rows of those people go with them and are not named."""
    persons: dict[tuple[Key, ...], dict[str, None]] = {}
    for (table, key), columns in found.items():
        if table == scene.subject:
            persons.setdefault(twins[key], {}).update(columns)
    known = {key for keys in persons for key in keys}
    rows = [
        Place(table, (key,), tuple(columns), tuple(sorted(leading.get((table, key), ()))))
        for (table, key), columns in sorted(found.items())
        if table != scene.subject and not known & leading.get((table, key), set())
    ]
    return [*(Place(scene.subject, keys, tuple(c)) for keys, c in sorted(persons.items())), *rows]


def _search(
    connection: sa.Connection, scene: Scene, kind: str, reference: ColumnRef, wanted: Sequence[Wanted]
) -> Iterator[tuple[int, Key]]:
    """(number of the wanted, key) of rows whose column holds it, in whatever spelling."""
    numbers: dict[str, list[int]] = {}
    for number, one in enumerate(wanted):
        if kind in one.readings:
            numbers.setdefault(one.readings[kind], []).append(number)
    if not numbers:
        return
    facts = scene.schema.tables[reference.table]
    column = sa.cast(sa.type_coerce(facts.column(reference.column), sa.Text()), sa.Text())
    query = sa.select(*scene.key(reference.table, facts.table), column).where(column.is_not(None))
    if len(numbers) <= FEW:
        query = query.where(_may_be(kind, column, list(numbers), scene.dialect))
    for row in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
        for value in dict.fromkeys(_READERS[kind](row[-1])):
            for number in numbers.get(value, ()):
                yield number, tuple(row[:-1])


def _may_be(kind: str, column: sa.ColumnElement[str], values: Sequence[str], dialect: str) -> sa.ColumnElement[bool]:
    """What the database can tell: a value without separators holds one of these, or has signs that only we read."""
    if kind == "email":
        known = [sa.func.lower(column).contains(value, autoescape=True) for value in values]
        return sa.or_(*known, column.contains("%", autoescape=True), _has_other_signs(column, ADDRESS_SIGNS, dialect))
    bare: sa.ColumnElement[str] = column
    for sign in SEPARATORS:
        bare = sa.func.replace(bare, sign, "", type_=sa.Text())
    least = [value[-10:] if kind == "phone" else value.lstrip("0") for value in values]
    enough = sa.func.length(column) >= min(map(len, least), default=0)
    known = [bare.contains(value, autoescape=True) for value in least]
    return sa.or_(*known, sa.and_(enough, _has_other_signs(column, NUMBER_SIGNS, dialect)))


def _has_other_signs(column: sa.ColumnElement[str], usual: str, dialect: str) -> sa.ColumnElement[bool]:
    """Whether some sign is none of the usual ones."""
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(f"*[^{usual}]*")
    word = "REGEXP" if dialect == "mysql" else "~"
    return column.op(word, is_comparison=True)(f"[^{usual}]")


def _iins(value: str) -> list[str]:
    found = normalise_iin(value)
    return [] if found is None else [found]


def _emails(value: str) -> list[str]:
    found = normalise_email(value) if "@" in value or "%40" in value or not value.isascii() else None
    return [] if found is None else [found]


_READERS: Mapping[str, Callable[[str], list[str]]] = {"iin": _iins, "email": _emails, "phone": phones_in_field}

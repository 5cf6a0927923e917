"""Which table holds the people, how other tables lead to them, and when they were last there: the draft's guesses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.policy import ColumnRef, Link
from worker.databases.facts import Schema, TableFacts
from worker.plan.draft_columns import IDENTIFYING, Looks, kind_in
from worker.plan.draft_words import Personal, activity, is_bare_name, is_block, is_end, people_named, words_of
from worker.strategies.kinds import kind_of

MOST_REFERRING = 10
BY_VALUE = {"iin": False, "email": True}
"""Kinds that lead to people by their value, each with whether that may only delay."""
HOPS = 4
OTHERS = 1  # of `people_named`: people, but not those whose term is counted


@dataclass(frozen=True)
class Candidate:
    """A table that may hold the people, and why."""

    table: str
    score: int
    kinds: tuple[Personal, ...]
    referring: int


def kinds_of(facts: TableFacts, looks: Looks) -> dict[str, Personal]:
    """What of a person each column of a table seems to hold; columns that seem to hold nothing are left out."""
    found = {c.name: kind_in(facts, c, looks) for c in facts.table.c}
    return {name: kind for name, kind in found.items() if kind is not None}


def candidates(schema: Schema, referring: Mapping[str, Sequence[str]], looks: Looks) -> list[Candidate]:
    """Tables with a key that look like people, the most likely first. `referring`: see `web`."""
    found = []
    for name, facts in schema.tables.items():
        kinds = tuple(dict.fromkeys(k for k in kinds_of(facts, looks).values() if k in IDENTIFYING))
        named = people_named(facts.table.name)
        if facts.changeable and facts.key and kinds and (named or len(kinds) > 1):
            pointing = len(referring.get(name, ()))
            score = 5 * named + 2 * len(kinds) + min(pointing, MOST_REFERRING)
            found.append(Candidate(name, score, kinds, pointing))
    return sorted(found, key=lambda c: (-c.score, c.table))


def guessed_links(schema: Schema) -> list[Link]:
    """Columns named after a table's key that no foreign key declares."""
    targets = _keys_by_name(schema)
    found = []
    for name, facts in schema.tables.items():
        declared = {c for fk in facts.foreign_keys for c in fk.columns}
        for column in facts.table.c if facts.changeable else ():
            if column.name in declared or facts.key == (column.name,):
                continue
            target = targets.get(_called(column.name))
            if target is not None and target.name != name and _comparable(column, target.table.c[target.key[0]]):
                found.append(_link(name, column.name, target.name, target.key[0]))
    return found


def links_of_subject(schema: Schema, subject: TableFacts, looks: Looks) -> list[Link]:
    """Rows that bear the IIN or the e-mail of a person, and rows with personal data that a person's row points to."""
    own = {kind: name for name, kind in reversed(kinds_of(subject, looks).items()) if kind in BY_VALUE}
    found = []
    for name, facts in schema.tables.items():
        if name == subject.name or not facts.changeable or people_named(facts.table.name) == OTHERS:
            continue
        for column, kind in kinds_of(facts, looks).items():
            if kind in own and _comparable(facts.table.c[column], subject.table.c[own[kind]]):
                found.append(_link(name, column, subject.name, own[kind], delays=BY_VALUE[kind]))
    for fk in subject.foreign_keys:
        there = schema.tables.get(fk.target)
        if there is not None and there.name != subject.name and len(fk.columns) == 1 and _is_about_people(there, looks):
            found.append(_link(fk.target, fk.target_columns[0], subject.name, fk.columns[0]))
    return found


def web(schema: Schema, links: Sequence[Link]) -> Mapping[str, Sequence[str]]:
    """The tables that refer to each table; links that only delay do not count."""
    found: dict[str, dict[str, None]] = {}
    for name, facts in schema.tables.items():
        for fk in facts.foreign_keys:
            if name != fk.target:
                found.setdefault(fk.target, {})[name] = None
    for link in links:
        if not link.delays_only:
            found.setdefault(link.target.table, {})[link.source.table] = None
    return {target: list(sources) for target, sources in found.items()}


def leading(referring: Mapping[str, Sequence[str]], subject: str) -> dict[str, int]:
    """Tables that lead to the people, with the number of steps."""
    steps = {subject: 0}
    at = [subject]
    for hop in range(1, HOPS + 1):
        at = list(dict.fromkeys(t for here in at for t in referring.get(here, ()) if t not in steps))
        steps |= dict.fromkeys(at, hop)
    return steps


def moments(facts: TableFacts) -> list[str]:
    """Columns that hold a moment of something done, the best first."""
    rated = [(activity(c.name), c.name) for c in facts.table.c if _is_moment(c)]
    order = [c.name for c in facts.table.c]
    return [name for rate, name in sorted(rated, key=lambda r: (-r[0], order.index(r[1]))) if rate]


def ends(facts: TableFacts) -> list[str]:
    """Columns that are NULL as long as something is open."""
    return [c.name for c in facts.table.c if _is_moment(c) and c.nullable and is_end(c.name)]


def blocks(facts: TableFacts) -> list[str]:
    """Columns in which a value may mean that the law blocks the person's data."""
    return [c.name for c in facts.table.c if c.nullable and kind_of(c.type) != "boolean" and is_block(c.name)]


def statuses(facts: TableFacts) -> list[str]:
    """Columns that tell a state, which a hold may ask for."""
    return [c.name for c in facts.table.c if words_of(c.name)[-1:] in (("status",), ("state",), ("статус",))]


def _is_about_people(facts: TableFacts, looks: Looks) -> bool:
    kinds = {name: kind for name, kind in kinds_of(facts, looks).items() if not is_bare_name(name)}
    return not IDENTIFYING.isdisjoint(kinds.values())


def _is_moment(column: sa.Column[Any]) -> bool:
    return kind_of(column.type) in ("timestamp", "date")


def _keys_by_name(schema: Schema) -> dict[tuple[str, ...], TableFacts]:
    """Tables with a key of one column, by the words by which other tables would call them."""
    found: dict[tuple[str, ...], TableFacts] = {}
    for facts in schema.tables.values():
        if facts.changeable and len(facts.key) == 1:
            for words in _names_of(facts):
                found.setdefault(words, facts)
    return found


def _names_of(facts: TableFacts) -> Iterator[tuple[str, ...]]:
    words = words_of(facts.table.name)
    yield words
    if words:
        last = words[-1]
        for ending, singular in (("ies", "y"), ("ses", "s"), ("s", ""), ("ы", ""), ("и", ""), ("лар", ""), ("лер", "")):
            if last.endswith(ending):
                yield (*words[:-1], last.removesuffix(ending) + singular)


def _called(column: str) -> tuple[str, ...]:
    """The table that a column names: `customer_id`, `CustomerID` and `id_customer` all name customer."""
    words = words_of(column)
    if len(words) > 1 and words[-1] in ("id", "no", "code", "key", "ref", "uuid"):
        return words[:-1]
    return words[1:] if len(words) > 1 and words[0] == "id" else ("",)


def _comparable(one: sa.Column[Any], other: sa.Column[Any]) -> bool:
    return kind_of(one.type) == kind_of(other.type)


def _link(source: str, column: str, target: str, key: str, delays: bool = False) -> Link:
    there = ColumnRef(table=target, column=key)
    return Link(source=ColumnRef(table=source, column=column), target=there, delays_only=delays)

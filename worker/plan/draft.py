"""The draft of a policy for a database that nobody has described yet: what is guessed, before it is written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import sqlalchemy as sa

from config.policy import ColumnRef, Link
from worker.databases.facts import Schema, TableFacts
from worker.plan.draft_columns import KEEP, Guess, Looks, guesses
from worker.plan.draft_people import (
    Candidate,
    candidates,
    ends,
    guessed_links,
    leading,
    links_of_subject,
    moments,
    web,
)

OWN_CLOCKS, FAR = 3, 2
PROFILE = "profile"


@dataclass(frozen=True)
class Draft:
    """Every guess about a database, made when it is asked for. Pure: looks at facts, asks no database."""

    schema: Schema
    looks: Looks

    @cached_property
    def _by_name(self) -> list[Link]:
        return guessed_links(self.schema)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """Tables that may hold the people, the most likely first."""
        return candidates(self.schema, web(self.schema, self._by_name), self.looks)

    @cached_property
    def subject(self) -> TableFacts | None:
        """The table that most likely holds the people; None if none looks like it."""
        return self.schema.tables[self.candidates[0].table] if self.candidates else None

    @cached_property
    def links(self) -> list[Link]:
        """Undeclared ways to the people that are worth asking about."""
        if self.subject is None:
            return []
        own = links_of_subject(self.schema, self.subject, self.looks)
        reached = leading(web(self.schema, [*self._by_name, *own]), self.subject.name)
        return [*(k for k in self._by_name if k.target.table in reached and k.source.table != self.subject.name), *own]

    @cached_property
    def steps(self) -> Mapping[str, int]:
        """Tables that lead to the people, with the number of steps."""
        return leading(web(self.schema, self.links), self.subject.name) if self.subject is not None else {}

    @cached_property
    def clock(self) -> list[ColumnRef]:
        """Moments at which a person seems to have done something: of the person's own row, and of near rows."""
        found: dict[int, list[ColumnRef]] = {}
        for table, hops in self.steps.items():
            names = moments(self.schema.tables[table])[: OWN_CLOCKS if hops == 0 else 1]
            found.setdefault(hops, []).extend(ColumnRef(table=table, column=c) for c in names)
        near = [event for hops in (0, 1) for event in found.get(hops, ())]
        return near or found.get(FAR, [])

    @cached_property
    def naive(self) -> bool:
        """Whether some clock is stored without a time zone."""
        types = [self.schema.tables[r.table].table.c[r.column].type for r in self.clock]
        return any(isinstance(t, sa.DateTime) and not t.timezone for t in types)

    @cached_property
    def open_ends(self) -> list[ColumnRef]:
        """Columns that are NULL while something of a person is open."""
        near = [t for t, hops in self.steps.items() if hops <= FAR]
        return [ColumnRef(table=t, column=c) for t in near for c in ends(self.schema.tables[t])[:1]]

    @cached_property
    def columns(self) -> Mapping[str, list[Guess]]:
        """What is proposed for each column of each table whose rows can be changed."""
        kept: dict[str, set[str]] = {name: set() for name in self.schema.tables}
        for event in self.clock:
            kept[event.table].add(event.column)
        for name, facts in self.schema.tables.items():
            if name not in self.steps:
                kept[name].update(moments(facts)[:1])
            for fk in facts.foreign_keys:
                kept.setdefault(fk.target, set()).update(fk.target_columns)
        return {
            name: self._following(name, guesses(self.schema, facts, self.looks, kept[name]))
            for name, facts in self.schema.tables.items()
            if facts.changeable
        }

    def _following(self, table: str, guessed: Sequence[Guess]) -> list[Guess]:
        """A column by which rows are found takes over the new value of the person's."""
        to = {k.source.column: k.target for k in self.links if k.source.table == table and not k.delays_only}
        subject = self.subject.name if self.subject is not None else ""
        return [
            replace(g, spelling=f"follows {to[g.column]}")
            if g.spelling != KEEP and g.column in to and to[g.column].table == subject
            else g
            for g in guessed
        ]

    def treatable(self, table: str) -> bool:
        """Whether merzim can change rows of the table at all, and would have something to change."""
        facts = self.schema.tables[table]
        if not facts.changeable or not facts.key or facts.heirs or facts.rules or facts.hides_rows:
            return False
        return any(g.spelling != KEEP for g in self.columns[table])

    @cached_property
    def of_people(self) -> list[str]:
        """Tables with personal data that lead to the people, the people first."""
        return [t for t in sorted(self.steps, key=lambda t: self.steps[t]) if self.treatable(t)]

    @cached_property
    def alone(self) -> list[str]:
        """Tables with personal data that lead to nobody and have a moment to count from."""
        tables = [t for t in self.schema.tables if t not in self.steps and self.treatable(t)]
        return sorted(t for t in tables if moments(self.schema.tables[t]))

    @cached_property
    def left(self) -> list[str]:
        """Every other table, which has to be ignored with a reason."""
        treated = {*self.of_people, *self.alone}
        kinds = ("table", "partitioned table", "foreign table")
        return sorted(t for t, f in self.schema.tables.items() if f.kind in kinds and t not in treated)

    @cached_property
    def triggers(self) -> Mapping[str, str]:
        """Triggers of the tables of stages, each with its table."""
        return {name: t for t in [*self.of_people, *self.alone] for name in self.schema.tables[t].triggers}

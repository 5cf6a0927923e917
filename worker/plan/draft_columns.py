"""What the draft of a policy proposes for each column, by its name, its type and what its values look like."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from config.policy import ColumnRef, Event, Floor, Origin, Policy, Stage, Subject, TableRule, Treatment
from config.term import Term
from worker.databases.facts import Schema, TableFacts
from worker.plan.check_ground import Ground
from worker.plan.check_treatments import check_treatments
from worker.plan.check_unusual import check_unusual
from worker.plan.draft_words import Personal, is_bare_name, may_hold_anything, people_named, personal_kind
from worker.strategies.kinds import kind_of

KEEP = "keep"
EMPTIES = ("nothing", 'constant ""', "constant -")
WAYS: Mapping[Personal, tuple[str, ...]] = {
    "iin": ("synthetic iin", *EMPTIES),
    "email": ("synthetic email", *EMPTIES),
    "phone": ("nothing", "synthetic phone", *EMPTIES),
    "ip": ("ip to network", *EMPTIES),
    "url": ("strip query", *EMPTIES),
    "name": ("invented name", *EMPTIES),
    "birth": ("to year", *EMPTIES),
    "note": ("redact", *EMPTIES),
    "secret": ('constant ""', "nothing", "constant -"),
}
"""What may be put in place of each kind of personal data, the best first; of any other kind EMPTIES."""
LOGINS = ("synthetic email", "nothing")  # a name that must be unique is for logging in
UNMISTAKABLE = ("iin", "email", "secret", "document", "money")
IDENTIFYING: frozenset[Personal] = frozenset({"iin", "email", "phone", "name", "birth", "document", "address"})
_PLAIN = ("boolean", "timestamp", "date", "uuid")
_ANY_TERM = Term(count=1, unit="days")


@dataclass(frozen=True)
class Guess:
    """A proposal for one column. `kind`: what of a person it seems to hold; `sure`: nobody need be asked about it."""

    column: str
    spelling: str
    kind: Personal | None = None
    sure: bool = True

    @property
    def personal(self) -> bool:
        """Whether something of a person seems to stand here."""
        return self.kind is not None


@dataclass(frozen=True)
class Looks:
    """What values look like: by (table, column) the kind that most of a few values have."""

    kinds: Mapping[tuple[str, str], Personal] = field(default_factory=dict)


def guesses(schema: Schema, facts: TableFacts, looks: Looks, kept: Collection[str]) -> list[Guess]:
    """A proposal for each column, in the table's order. `kept` are columns that must stay as they are: clocks and
    stages count from them, or foreign keys refer to them."""
    bound = {*facts.key, *(c for fk in facts.foreign_keys for c in fk.columns), *facts.generated, *kept}
    return [
        Guess(c.name, KEEP) if c.name in bound else _guess(Schema(schema.dialect, {facts.name: facts}), facts, c, looks)
        for c in facts.table.c
    ]


def kind_in(facts: TableFacts, column: sa.Column[Any], looks: Looks) -> Personal | None:
    """What of a person a column seems to hold: a type or a name that says it, else most of its values."""
    kind = kind_of(column.type)
    if kind == "inet":
        return "ip"
    said = personal_kind(column.name)
    if said is None and kind == "text" and is_bare_name(column.name) and _is_of_people(facts):
        said = "name"
    if kind == "boolean" or (kind in ("timestamp", "date") and said != "birth"):
        return None
    if kind in ("integer", "number") and said not in ("iin", "phone", "money", "document", "birth", "trait"):
        return None
    if said is None and (kind == "json" or (kind == "text" and may_hold_anything(column.name))):
        said = "note"
    seen = looks.kinds.get((facts.name, column.name))
    return said if said in UNMISTAKABLE else seen or said


def _is_of_people(facts: TableFacts) -> bool:
    """Whether a name in the table is most likely somebody's."""
    return bool(people_named(facts.table.name)) or any(personal_kind(c.name) in IDENTIFYING for c in facts.table.c)


def _guess(schema: Schema, facts: TableFacts, column: sa.Column[Any], looks: Looks) -> Guess:
    kind = kind_in(facts, column, looks)
    if kind is None:
        return Guess(column.name, KEEP, sure=kind_of(column.type) in _PLAIN)
    ways = WAYS.get(kind, EMPTIES)
    if kind == "name" and (column.name,) in facts.uniques:
        ways = LOGINS
    for spelling in ways:
        if _fits(schema, facts, column.name, spelling):
            return Guess(column.name, spelling, kind, sure=personal_kind(column.name) == kind)
    return Guess(column.name, KEEP, kind, sure=False)


def _fits(schema: Schema, facts: TableFacts, column: str, spelling: str) -> bool:
    """Whether `check` would let a rule do this: it is asked."""
    treatment = Treatment(spelling=spelling, columns=(column,))
    rule = TableRule(table=facts.name, operation="depersonalise", treatments=(treatment,))
    origin = Origin(subject=True)
    ground = Ground(
        Policy(
            name="draft",
            operator="draft",
            timezone="UTC",
            floor=Floor(term=_ANY_TERM, basis="draft"),
            subject=Subject(table=facts.name, key=facts.key),
            clock=(Event(column=ColumnRef(table=facts.name, column=column)),),
            stages={"draft": Stage(name="draft", origin=origin, term=_ANY_TERM, tables={facts.name: rule})},
        ),
        schema,
    )
    check_treatments(ground)
    check_unusual(ground)
    return not any(problem.severity == "error" for problem in ground.problems)

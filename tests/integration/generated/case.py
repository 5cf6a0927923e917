"""A whole case: an operator's tables with their rows, a policy, holds by hand and a moment. None of it is merzim's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Value = int | str | None
Key = tuple[Value, ...]
Row = dict[str, Value]
Kind = Literal["int", "uuid", "text", "varchar", "number", "day", "moment", "instant"]
NOTHING, IIN, EMAIL, REDACT, YEAR = "nothing", "synthetic iin", "synthetic email", "redact", "to year"


@dataclass(frozen=True)
class Column:
    """A column; `least` is the length that a CHECK asks for."""

    name: str
    kind: Kind
    null: bool = True
    unique: bool = False
    least: int = 0


@dataclass(frozen=True)
class Condition:
    """`column = value` in a policy."""

    column: str
    value: str

    def truth(self, row: Mapping[str, Value]) -> bool | None:
        """As SQL knows it: None is neither."""
        return None if row[self.column] is None else row[self.column] == self.value


@dataclass(frozen=True)
class Link:
    """From rows of `source` to rows of `target`: a declared foreign key, or a line of the policy's links."""

    source: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    declared: bool = True
    action: str = ""
    delays: bool = False
    where: Condition | None = None


@dataclass(frozen=True)
class Table:
    """A table; the names of the columns that belong to its key come first."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)

    def of_kind(self, *kinds: Kind) -> list[Column]:
        """Columns of these kinds, without the key's."""
        return [c for c in self.columns if c.kind in kinds and c.name not in self.key]


@dataclass(frozen=True)
class Event:
    """A column that holds the moment of an event."""

    table: str
    column: str
    where: Condition | None = None


@dataclass(frozen=True)
class Hold:
    """A hold of the policy."""

    exists: str
    where: Condition | None


@dataclass(frozen=True)
class Rule:
    """What a stage does to a table: `treated` is None where it deletes, else each column's strategy."""

    table: str
    treated: Mapping[str, str] | None
    where: Condition | None = None


@dataclass(frozen=True)
class Stage:
    """A stage; by people if `event` is None. `subject`: the person's clock counts too."""

    name: str
    term: "Term"
    rules: tuple[Rule, ...]
    event: Event | None = None
    subject: bool = True
    archive: bool = True

    def rule(self, table: str) -> Rule | None:
        """The rule for a table."""
        return next((r for r in self.rules if r.table == table), None)


@dataclass(frozen=True)
class Term:
    """Years, perhaps from the end of the event's year."""

    years: int
    after_year: bool = False

    def __str__(self) -> str:
        return f"{self.years} years" + (" after the end of the year" if self.after_year else "")


@dataclass(frozen=True)
class HandHold:
    """A hold placed by hand on a person, a row or a table."""

    scope: Literal["person", "row", "table"]
    table: str
    key: Key | None


@dataclass(frozen=True)
class Case:
    """All of it. The first table is that of the people."""

    dialect: str
    tables: Mapping[str, Table]
    links: tuple[Link, ...]
    same_person: str | None
    blocked: str | None
    clock: tuple[Event, ...]
    local: frozenset[tuple[str, str]]
    holds: tuple[Hold, ...]
    stages: tuple[Stage, ...]
    floor: Term
    hand: tuple[HandHold, ...]
    now: datetime
    rows: Mapping[str, list[Row]] = field(default_factory=dict)

    @property
    def subject(self) -> Table:
        """The table of the people."""
        return next(iter(self.tables.values()))

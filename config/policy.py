"""The policy as the rest of merzim sees it: typed, frozen, with the place of every path in its file.

The loader makes it from YAML; nothing here reads a file, knows a database or knows what a strategy is.
Where the YAML word differs from the attribute, the attribute's comment gives it.
"""

import re
from datetime import date, time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from config.answers import Erasure, Requests
from config.catalogue import text
from config.names import join_names, split_names
from config.problems import place_of
from config.term import Term

StoredIn = Literal["UTC", "local"]
SANE_FROM = date(1991, 1, 1)
_NUMBERS = r"\d+(?:\.\d+)*(?:\s*(?:,|;|and|и|және)\s*\d+(?:\.\d+)*)*"
OWN_CLAUSES = re.compile(rf"(?:clauses?|пункты?|пп?\.)\s*{_NUMBERS}|{_NUMBERS}\s*-?\s*тармақ(?:тар)?", re.IGNORECASE)
UNREAD = "?"  # stands for a name that the loader could not read; a problem says so already


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnRef(_Part):
    """A column of a table; the table may carry its schema (`schema.table`)."""

    table: str
    column: str

    @classmethod
    def parse(cls, written: str) -> "ColumnRef":
        """Read `table.column` or `schema.table.column`; ValueError says what is wrong."""
        parts = split_names(written)
        if parts is None or len(parts) < 2:
            raise ValueError(text("policy_value.no_column", text=written))
        return cls(table=join_names(*parts[:-1]), column=parts[-1])

    def __str__(self) -> str:
        return f"{self.table}.{join_names(self.column)}"


class Event(_Part):
    """A column that holds the moment of an event, for the rows that meet `where` (SQL)."""

    column: ColumnRef
    where: str | None = None


class Link(_Part):
    """A foreign key that the schema does not declare."""

    source: ColumnRef  # from
    target: ColumnRef  # to
    where: str | None = None
    delays_only: bool = False  # only: delays


class Floor(_Part):
    """The term under everything that belongs to a person, from the person's clock (clause 5.3)."""

    term: Term
    basis: str


class Subject(_Part):
    """Which table holds the persons, and by which columns."""

    table: str
    key: tuple[str, ...]
    same_person: str | None = None  # same person
    blocked: str | None = None


class Hold(_Part):
    """A reason not to touch a person: a row of table `exists` that meets `where` (SQL)."""

    name: str
    exists: str
    where: str | None = None
    basis: str


class Archive(_Part):
    """How long the sealed copy of what a stage changes is kept (clause 3.4)."""

    term: Term
    basis: str
    why: str | None = None


class Files(_Part):
    """Columns that hold paths of files under a root folder, which go with the row's data."""

    root: str
    columns: tuple[str, ...]


class Treatment(_Part):
    """What is written into columns, spelled as in the policy: `synthetic iin`, `constant ""`."""

    spelling: str
    columns: tuple[str, ...]


class TableRule(_Part):
    """What a stage does to one table: delete its rows, or depersonalise them column by column."""

    table: str
    where: str | None = None
    operation: Literal["delete", "depersonalise"]
    keep: tuple[str, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    files: Files | None = None
    after: tuple[str, ...] = ()


class Origin(_Part):
    """What a term counts from: the newest of these events, the person's clock, the end of other stages."""

    events: tuple[Event, ...] = ()
    subject: bool = False
    done: tuple[str, ...] = ()


class Stage(_Part):
    """Rows that become due together, with their tables in file order; tombstones carry the permanent name."""

    name: str
    origin: Origin  # from
    term: Term
    basis: str | None = None
    archive: Archive | None = None
    tables: dict[str, TableRule]

    @property
    def is_normative(self) -> bool:
        """Whether a norm sets the term (a law, a code, a regulator's list), not merely clauses of the operator's own
        policy. An erasure at somebody's request leaves such a stage alone until its term has ended (clause 5.3)."""
        return self.basis is not None and OWN_CLAUSES.fullmatch(self.basis.strip()) is None


class Trigger(_Part):
    """A trigger of the operator's database and the tables that it writes to."""

    writes: tuple[str, ...]


class Quota(_Part):
    """At most so many a night, the rest waits; None is no limit and 0 permits nothing."""

    people_per_night: int | None = Field(default=None, ge=0)


class Brake(_Part):
    """More than this stops the run before its first change; None is no limit and 0 permits nothing."""

    rows_per_night: int | None = Field(default=None, ge=0)
    percent_of_table: int | None = Field(default=None, ge=0, le=100)
    times_recent_nights: int | None = Field(default=None, ge=0)


class Review(_Part):
    """How old something that was decided by hand may grow before somebody asks whether it is still needed."""

    holds: Term | None = None


class Window(_Part):
    """The local hours in which a night may work; it crosses midnight when `end` is before `start`."""

    start: time
    end: time


class Policy(_Part):
    """What is kept how long, why, and what happens then."""

    name: str  # policy
    operator: str
    timezone: str
    floor: Floor
    subject: Subject
    identifiers: dict[str, tuple[tuple[ColumnRef, ...], ...]] = {}
    links: tuple[Link, ...] = ()
    clock: tuple[Event, ...]
    sane_from: date = SANE_FROM  # sane from
    stored_default: StoredIn = "UTC"  # stored in: {default: ...}
    stored_in: dict[str, StoredIn] = {}
    holds: dict[str, Hold] = {}
    stages: dict[str, Stage]
    ignore: dict[str, str] = {}
    triggers: dict[str, Trigger] = {}
    quota: Quota = Quota()
    brake: Brake = Brake()
    window: Window | None = None
    erasure: Erasure = Erasure()
    requests: Requests = Requests()
    allow: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    review: Review = Review()

    text: str = Field(default="", repr=False)
    hash: str = ""
    source: str = ""
    _places: dict[str, tuple[int, int]] = PrivateAttr(default_factory=dict)

    def place(self, path: str) -> tuple[int, int]:
        """Line and column (from 1) of a path such as `stages.profile.term`, else of its nearest ancestor."""
        return place_of(self._places, path)

    def with_places(self, places: dict[str, tuple[int, int]]) -> "Policy":
        """The same policy, knowing where in its file each path stands."""
        placed = self.model_copy()
        placed._places = dict(places)
        return placed

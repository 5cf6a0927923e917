"""Facts of the operator's live schema: read once per command, then only looked at."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import sqlalchemy as sa

TableKind = Literal["table", "view", "materialised view", "partitioned table", "partition", "foreign table"]


@dataclass(frozen=True)
class ForeignKey:
    """A declared reference; `on_delete` is the action as the database names it, None for NO ACTION."""

    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: str | None


@dataclass(frozen=True)
class TableFacts:
    """One table as the database has it. `name` is how a policy names it: with its schema unless that is the
    default one. `key` is the primary key, else the first NOT NULL unique key, else empty."""

    name: str
    table: sa.Table
    kind: TableKind
    key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    uniques: tuple[tuple[str, ...], ...]
    checks: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...]
    triggers: tuple[str, ...]
    rules: tuple[str, ...] = ()
    rows: int = 0
    types: Mapping[str, str] = field(default_factory=dict)
    """Each column's type as the database itself names it; "" where a column has none (SQLite)."""
    hides_rows: bool = False
    """Row level security would hide rows from this role."""
    heirs: tuple[str, ...] = ()
    """Tables whose rows appear in this one without being its own: by INHERITS, or as a foreign partition."""
    copies: tuple[str, ...] = ()
    """Materialised views that keep a copy of what stands here."""
    unusual_uniques: tuple[str, ...] = ()
    """Definitions of partial, expression and exclusion indexes that forbid two rows to be alike."""
    nulls_alike: tuple[str, ...] = ()
    """Columns that are unique with only one NULL allowed."""
    index_names: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """Names of whole indexes by their columns."""
    domains: frozenset[str] = frozenset()
    """Columns whose type is a domain; `table` shows what the domain is made of."""

    engine: str = ""
    """The storage engine, where the table has one that cannot roll back (MariaDB)."""
    hides_triggers: bool = False
    """This account may not see which triggers there are (MariaDB)."""
    stamped: frozenset[str] = frozenset()
    """Columns that every UPDATE sets to the present moment unless it says otherwise (MariaDB)."""

    def column(self, name: str) -> sa.Column[object]:
        """The column; KeyError if the table has none of that name."""
        return self.table.c[name]

    @property
    def generated(self) -> frozenset[str]:
        """Columns whose value the database computes: no statement may write them."""
        return frozenset(c.name for c in self.table.c if c.computed is not None)

    @property
    def changeable(self) -> bool:
        """Whether rows can be changed here: a partitioned table finds their partitions itself."""
        return self.kind in ("table", "partitioned table")

    def served(self, columns: tuple[str, ...]) -> tuple[str, ...] | None:
        """The columns of the index, key or constraint that finds rows by these columns best: one that begins with all
        of them, else one that begins with the first. None if there is no such."""
        known = (self.key, *self.uniques, *self.indexes)
        whole = [names for names in known if set(names[: len(columns)]) == set(columns)]
        return next(iter([*whole, *(names for names in known if names[:1] == columns[:1])]), None)


@dataclass(frozen=True)
class Schema:
    """Every table of the operator's database that concerns a policy."""

    dialect: str
    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    one_by_one: bool = False
    """What an UPDATE writes into a column is seen by the columns after it (MySQL)."""

    def digest(self) -> str:
        """One hash of all that a plan relies on: part of the plan's fingerprint."""
        facts = [
            [
                name,
                [[c.name, f.types.get(c.name, str(c.type)), bool(c.nullable)] for c in f.table.c],
                list(f.key),
                sorted([fk.columns, fk.target, fk.target_columns, fk.on_delete or ""] for fk in f.foreign_keys),
                sorted(f.triggers),
            ]
            for name, f in sorted(self.tables.items())
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

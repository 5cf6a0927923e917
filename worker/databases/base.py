"""The one Protocol behind which PostgreSQL and SQLite differ."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import sqlalchemy as sa

from worker.databases.facts import Schema

Key = tuple[Any, ...]


class Database(Protocol):
    """An operator's database. One object per process; each method takes the connection it works on.

    Raises SQLAlchemy's errors; whoever calls turns them into sentences, since only they know what was tried.
    """

    engine: sa.Engine
    dialect: str
    encoding: str  # how rows stand in an archive segment: "pgcopy" or "json"
    ledger_schema: str | None

    def __hash__(self) -> int:
        """By identity: statements are kept for a database."""

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A read-only transaction with one snapshot, for plan, check and explain."""

    def writing(self, lock_seconds: float | None = None) -> AbstractContextManager[sa.Connection]:
        """One READ COMMITTED transaction (SQLite: BEGIN IMMEDIATE), committed at the end, rolled back on error.
        A lock waited for longer than `lock_seconds` (5 by default) fails the statement."""

    def expect_whole_tables(self, connection: sa.Connection, whole: bool) -> None:
        """Whether what follows in this transaction reads whole tables: a planner that knows no sizes of intermediate
        results must not take them for small then."""

    def schema(self, connection: sa.Connection, tables: Iterable[str]) -> Schema:
        """Facts of the default schema and of every other schema that a name in `tables` carries."""

    def ailments(self, connection: sa.Connection) -> list[str]:
        """What ails the server at the moment, as short words: who is unwell must not be given more to do. What this
        role may not see counts as an ailment."""

    def locked(self, query: sa.Select[Any], skip: bool, shared: bool = False) -> sa.Select[Any]:
        """The same query taking row locks; `skip` passes over rows that somebody else has locked. `shared` only keeps
        others from changing the rows."""

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        """A query's rows as they come, so that millions need no room. Until the last of them nothing else may be asked
        over the connection."""

    def rows_out(self, connection: sa.Connection, query: sa.Select[Any], keys: Sequence[Any] = ()) -> Iterator[bytes]:
        """The rows as the database itself writes them: whole lines in this database's archive encoding. `keys` is what
        the query's parameter of that name stands for, if it has one."""

    def rows_in(
        self, connection: sa.Connection, target: sa.Table, columns: Sequence[str], rows: Iterable[bytes]
    ) -> int:
        """Puts archived rows into a (temporary) table; returns how many."""

    def temporary(self, connection: sa.Connection, name: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
        """An empty temporary table of this transaction; each column has exactly the type of the given live column."""

    def clear(self, connection: sa.Connection, table: sa.Table) -> None:
        """Empties a temporary table."""

    def insert_from(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], query: sa.Select[Any]
    ) -> int:
        """INSERT … SELECT that keeps the given values of identity columns; returns how many rows."""

    def fill(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
        """Many rows made in Python into a temporary table, in bulk."""

    def count_estimate(self, connection: sa.Connection, table: sa.Table) -> int:
        """Roughly how many rows, cheaply; exact where the database keeps no statistics."""

    def is_duplicate(self, error: BaseException) -> bool:
        """Whether the error says that a unique value was there already."""

    def is_stale(self, error: BaseException) -> bool:
        """Whether the error says that the session keeps a plan of a statement whose columns have changed since: a new
        session knows better."""

    def volatile_functions(self, connection: sa.Connection, names: Iterable[str]) -> set[str]:
        """Which of the functions may write or give another answer each time: no condition may call them."""

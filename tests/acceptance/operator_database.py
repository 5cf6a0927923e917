"""The operator's database, seen from outside: plain drivers, plain SQL, and every row of every table as text."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.filler import Row

TABLES = (
    "regions", "users", "registration_forms", "scanned_documents", "feedback_messages", "complaints", "debt_cases",
    "case_parties", "payments", "contact_attempts", "call_recordings", "messages_out", "consents",
    "marketing_subscribers", "access_log", "third_party_transfers", "audit_log",
)  # fmt: skip

# (table, key) → column → text; the whole database of the operator.
Picture = dict[tuple[str, int], dict[str, str | None]]


@dataclass(frozen=True)
class OperatorDatabase:
    """A SQLite file (`url` is None) or a PostgreSQL database."""

    folder: Path
    url: str | None

    @property
    def name(self) -> str:
        """As `only` in people.py calls it."""
        return "sqlite" if self.url is None else "postgresql"

    @property
    def file(self) -> Path:
        """The SQLite file that `merzim demo` makes."""
        return self.folder / "agency.db"

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert the rows that this database can store, in foreign key order."""
        ordered = sorted(rows, key=lambda row: TABLES.index(row.table))
        with self._connection() as connection:
            for row in ordered:
                if row.only in (None, self.name):
                    columns, values = list(row.values), list(row.values.values())
                    marks = ", ".join([self._mark] * len(values))
                    quoted = ", ".join(f'"{c}"' for c in columns)
                    self._execute(connection, f"INSERT INTO {row.table} ({quoted}) VALUES ({marks})", values)

    def execute(self, sql: str) -> None:
        """Change something as the operator's own application would."""
        with self._connection() as connection:
            self._execute(connection, sql, [])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        with self._connection() as connection:
            return self._execute(connection, sql, [])

    def picture(self) -> Picture:
        """Every row of every table of the operator, each column as the database itself writes it."""
        seen: Picture = {}
        for table in TABLES:
            for row in self.cells(table):
                seen[(table, int((row["id"] or "").removeprefix("integer:")))] = row
        return seen

    def cells(self, table: str) -> list[dict[str, str | None]]:
        """Rows of one table. On SQLite a cell is `storage class:quoted value`, so that nothing is converted."""
        with self._connection() as connection:
            columns = self._columns(connection, table)
            shown = ", ".join(self._shown(c) for c in columns)
            rows = self._execute(connection, f"SELECT {shown} FROM {table}", [])
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def ledger_tables(self) -> list[str]:
        """What merzim itself keeps in the operator's database."""
        with self._connection() as connection:
            if self.url is None:
                query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'merzim%'"
            else:
                query = "SELECT 'merzim.' || quote_ident(tablename) FROM pg_tables WHERE schemaname = 'merzim'"
            return [row[0] for row in self._execute(connection, query, [])]

    def ledger_table(self, name: str) -> str:
        """How a table of merzim's is called here."""
        return f"merzim_{name}" if self.url is None else f"merzim.{name}"

    def vacuum(self) -> None:
        """Let a SQLite file keep no page of what was deleted."""
        if self.url is None:
            with closing(sqlite3.connect(self.file)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def _mark(self) -> str:
        return "?" if self.url is None else "%s"

    def _shown(self, column: str) -> str:
        if self.url is None:
            return f'CASE WHEN "{column}" IS NULL THEN NULL ELSE typeof("{column}") || \':\' || quote("{column}") END'
        return f'"{column}"::text'

    def _columns(self, connection: Any, table: str) -> list[str]:
        if self.url is None:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        query = (
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum"
        )
        return [row[0] for row in connection.execute(query, [table])]

    def _execute(self, connection: Any, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        cursor = connection.execute(sql, values if self.url is None else values or None)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        if self.url is None:
            with closing(sqlite3.connect(self.file)) as lite, lite:
                lite.execute("PRAGMA foreign_keys = ON")
                yield lite
        else:
            with psycopg.connect(self.url) as server:
                server.execute("SET TimeZone = 'UTC'")
                yield server

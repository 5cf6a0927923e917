"""PostgreSQL 13 and newer: COPY in and out, row locks with SKIP LOCKED, short time-outs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from config.names import split_table
from worker.databases.facts import Schema
from worker.databases.postgresql_facts import extras, referring
from worker.databases.reflection import read_schema
from worker.databases.temporary import QUERIES_KEPT, described

# How values are written out must not depend on what a role or a database has set, or a copy could not be read back.
WRITING = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c lc_monetary=C -c xmloption=content"
CONNECT: dict[str, Any] = {
    "prepare_threshold": None,  # lists of keys differ in length, and so in text: prepared plans would only pile up
    "options": f"-c timezone=UTC -c row_security=off -c jit=off -c idle_in_transaction_session_timeout=60000 {WRITING}",
    "client_encoding": "utf8",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "merzim",
}
# PostgreSQL cuts names at 63 bytes without a word, and SQLAlchemy counts characters: two aliases of a table with a long
# name in Cyrillic became one, and a row was compared with itself. 14 characters and a number are never too long.
LABEL_CHARACTERS = 20


class PostgreSQL:
    """See `base.Database`. `row_security=off` makes a table whose policies would hide rows an error, not a gap."""

    dialect = "postgresql"
    encoding = "pgcopy"

    def __init__(self, url: sa.URL, ledger_schema: str) -> None:
        self.ledger_schema: str | None = ledger_schema
        self.engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            connect_args=CONNECT,
            poolclass=QueuePool,
            pool_size=2,
            hide_parameters=True,
            query_cache_size=QUERIES_KEPT,
            label_length=LABEL_CHARACTERS,
        )
        sa.event.listen(self.engine, "connect", _notice_dead_clients)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `base.Database.reading`."""
        with self.engine.connect() as connection:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection = connection.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        with self.engine.connect() as connection:
            connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                milliseconds = int((lock_seconds or 5) * 1000)
                connection.execute(
                    sa.select(
                        sa.func.set_config("lock_timeout", str(milliseconds), True),
                        sa.func.set_config("statement_timeout", str(max(60_000, 2 * milliseconds)), True),
                        # A slice asks for a few keys: reading a whole table for them is never right where an index is.
                        sa.func.set_config("enable_seqscan", "off", True),
                    )
                )
                yield connection

    def expect_whole_tables(self, connection: sa.Connection, whole: bool) -> None:
        """A CTE has no statistics: taken for one row, it is joined row by row, which took minutes where a hash takes
        seconds."""
        connection.execute(sa.select(sa.func.set_config("enable_nestloop", "off" if whole else "on", True)))

    def schema(self, connection: sa.Connection, tables: Iterable[str]) -> Schema:
        """See `base.Database.schema`."""
        default = connection.execute(sa.text("SELECT current_schema()")).scalar_one()
        named = {split_table(t)[0] or default for t in tables} | {default}
        wanted: dict[str | None, Collection[str] | None] = {None if s == default else s: None for s in sorted(named)}
        wanted.update(referring(connection, named))
        return read_schema(connection, wanted, extras(connection, default))

    def locked(self, query: sa.Select[Any], skip: bool) -> sa.Select[Any]:
        """See `base.Database.locked`."""
        return query.with_for_update(skip_locked=skip)

    def rows_out(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[bytes]:
        """COPY (SELECT …) TO STDOUT in text form; chunks end where a row ends."""
        compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
        with _cursor(connection) as cursor, cursor.copy(f"COPY ({compiled}) TO STDOUT", compiled.params) as copy:
            for chunk in copy:
                yield bytes(chunk)

    def rows_in(
        self, connection: sa.Connection, target: sa.Table, columns: Sequence[str], rows: Iterable[bytes]
    ) -> int:
        """COPY … FROM STDIN with the lines as they stand in the segment."""
        quote = connection.dialect.identifier_preparer
        names = ", ".join(quote.quote(c) for c in columns)
        with _cursor(connection) as cursor:
            # `quote` doubles percent signs for statements with parameters, and this has none.
            into = f"{quote.format_table(target)} ({names})".replace("%%", "%")
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for chunk in rows:
                    copy.write(chunk)
            return cursor.rowcount

    def temporary(self, connection: sa.Connection, name: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
        """See `base.Database.temporary`. CREATE TABLE AS keeps types that no client knows by name."""
        empty = sa.select(*(c.label(label) for label, c in columns.items())).where(sa.false())
        quoted = connection.dialect.identifier_preparer.quote(name)
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {quoted} ON COMMIT DROP AS {_plain(connection, empty)}")
        return described(name, "pg_temp", columns)

    def insert_from(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], query: sa.Select[Any]
    ) -> int:
        """See `base.Database.insert_from`."""
        quote = connection.dialect.identifier_preparer
        names = ", ".join(quote.quote(c) for c in columns)
        return connection.exec_driver_sql(
            f"INSERT INTO {quote.format_table(table)} ({names}) OVERRIDING SYSTEM VALUE {_plain(connection, query)}"
        ).rowcount

    def fill(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
        """See `base.Database.fill`."""
        quote = connection.dialect.identifier_preparer
        with _cursor(connection) as cursor, cursor.copy(f"COPY {quote.format_table(table)} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(sa.text(f"ANALYZE {quote.format_table(table)}"))

    def count_estimate(self, connection: sa.Connection, table: sa.Table) -> int:
        """See `base.Database.count_estimate`."""
        # `format_table` doubles percent signs for statements, and this is a value.
        name = connection.dialect.identifier_preparer.format_table(table).replace("%%", "%")
        query = sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = CAST(:name AS regclass)")
        known = int(connection.execute(query, {"name": name}).scalar_one())
        if known >= 0:
            return known
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def is_duplicate(self, error: BaseException) -> bool:
        """See `base.Database.is_duplicate`."""
        return isinstance(getattr(error, "orig", error), psycopg.errors.UniqueViolation)

    def volatile_functions(self, connection: sa.Connection, names: Iterable[str]) -> set[str]:
        """See `base.Database.volatile_functions`: pg_proc says it of every function, ours and theirs."""
        query = sa.text(
            "SELECT DISTINCT lower(proname) FROM pg_proc WHERE provolatile = 'v' AND lower(proname) = ANY(:names)"
        )
        return set(connection.execute(query, {"names": [n.lower() for n in names]}).scalars())


def _notice_dead_clients(driver: psycopg.Connection[Any], record: object) -> None:
    """A killed client's long query should not go on for hours. PostgreSQL 13 does not know the setting."""
    driver.execute(
        "SELECT set_config(name, '10s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'"
    )
    driver.commit()


def _plain(connection: sa.Connection, query: sa.Select[Any]) -> str:
    """A query without parameters as text for the driver."""
    return str(query.compile(connection, compile_kwargs={"literal_binds": True}))


def _cursor(connection: sa.Connection) -> psycopg.Cursor[Any]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.cursor()

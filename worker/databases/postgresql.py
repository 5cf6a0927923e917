"""PostgreSQL 13 and newer: COPY in and out, row locks with SKIP LOCKED, short time-outs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any
from zlib import crc32

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.compiler import SQLCompiler

from config.names import split_table
from worker.databases.facts import Schema
from worker.databases.postgresql_facts import extras, referring
from worker.databases.postgresql_health import ailments
from worker.databases.reflection import read_schema
from worker.databases.temporary import QUERIES_KEPT, described

# How values are written out must not depend on what a role or a database has set, or a copy could not be read back.
WRITING = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c lc_monetary=C -c xmloption=content"
# The driver's raw cursor takes statements as SQLAlchemy numbers them: looking through a long one for percent signs took
# longer than sending it.
CONNECT: dict[str, Any] = {
    "cursor_factory": psycopg.RawCursor,
    "prepare_threshold": 3,
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
# COPY takes no parameters: the driver itself writes them into a statement with percent signs.
COPYING: sa.Dialect = sa.make_url("postgresql+psycopg://").get_dialect()(label_length=LABEL_CHARACTERS)  # type: ignore[call-arg]  # every dialect takes it
# A slice asks for a few keys: reading a whole table for them, or a whole index beside them, is never right where an
# index finds them. What the keys are changes nothing in that, so that planning a statement anew for each slice, which
# takes as long as running it, finds nothing better.
SETTING_UP = sa.select(
    sa.func.set_config("lock_timeout", sa.bindparam("lock", type_=sa.Text()), True),
    sa.func.set_config("statement_timeout", sa.bindparam("statement", type_=sa.Text()), True),
    sa.func.set_config("enable_seqscan", "off", True),
    sa.func.set_config("enable_mergejoin", "off", True),
    sa.func.set_config("plan_cache_mode", "force_generic_plan", True),
)
ROWS_AT_ONCE = 500
TEMPORARY = "merzim_temporary"  # names of a session's temporary tables that are known to be there


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
            paramstyle="numeric_dollar",
            query_cache_size=QUERIES_KEPT,
            label_length=LABEL_CHARACTERS,
        )
        sa.event.listen(self.engine, "connect", _notice_dead_clients)
        sa.event.listen(self.engine, "connect", _stream_raw)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `base.Database.reading`."""
        with self.engine.connect() as connection, _gone_if_it_fails(connection):
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection = connection.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        with self.engine.connect() as connection, _gone_if_it_fails(connection):
            connection = connection.execution_options(isolation_level="READ COMMITTED")
            with connection.begin():
                milliseconds = int((lock_seconds or 5) * 1000)
                limits = {"lock": str(milliseconds), "statement": str(max(60_000, 2 * milliseconds))}
                connection.execute(SETTING_UP, limits)
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

    def ailments(self, connection: sa.Connection) -> list[str]:
        """See `base.Database.ailments`."""
        return ailments(connection)

    def locked(self, query: sa.Select[Any], skip: bool, shared: bool = False) -> sa.Select[Any]:
        """See `base.Database.locked`."""
        return query.with_for_update(skip_locked=skip, read=shared)

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        """See `base.Database.rows`. Not by a cursor of the server: it would leave the query to one process."""
        compiled = query.compile(dialect=self.engine.dialect)
        expanded = compiled.construct_expanded_state()
        with _cursor(connection) as cursor:
            yield from cursor.stream(expanded.statement, expanded.positional_parameters, size=ROWS_AT_ONCE)

    def rows_out(self, connection: sa.Connection, query: sa.Select[Any], keys: Sequence[Any] = ()) -> Iterator[bytes]:
        """COPY (SELECT …) TO STDOUT in text form; chunks end where a row ends."""
        command, parameters = _copying(query, keys)
        with _cursor(connection, psycopg.Cursor) as cursor, cursor.copy(command, parameters) as copy:
            while chunk := b"".join(islice(copy, ROWS_AT_ONCE)):  # it gives them out one by one
                yield chunk

    def rows_in(
        self, connection: sa.Connection, target: sa.Table, columns: Sequence[str], rows: Iterable[bytes]
    ) -> int:
        """COPY … FROM STDIN with the lines as they stand in the segment."""
        quote = connection.dialect.identifier_preparer
        names = ", ".join(quote.quote(c) for c in columns)
        with _cursor(connection) as cursor:
            with cursor.copy(f"COPY {quote.format_table(target)} ({names}) FROM STDIN") as copy:
                for chunk in rows:
                    copy.write(chunk)
            return cursor.rowcount

    def temporary(self, connection: sa.Connection, name: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
        """See `base.Database.temporary`. CREATE TABLE AS keeps types that no client knows by name. It lasts as long as
        the session, empty between transactions, and so do the plans of statements that use it."""
        definition = _definition(connection.dialect, tuple(columns.items()))
        table = described(f"{name}_{crc32(definition.encode()):08x}", "pg_temp", columns)
        known: set[str] = connection.info.setdefault(TEMPORARY, set())
        if table.name in known:
            return table
        quoted = connection.dialect.identifier_preparer.format_table(table)
        if connection.execute(sa.select(sa.func.to_regclass(quoted))).scalar_one() is None:
            connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {quoted} ON COMMIT DELETE ROWS AS {definition}")
            # One that was never looked at is taken for ten pages, and joined with whole tables.
            connection.exec_driver_sql(f"ANALYZE {quoted}")
        known.add(table.name)
        return table

    def clear(self, connection: sa.Connection, table: sa.Table) -> None:
        """See `base.Database.clear`. Deleted rows would stay, and be read again and again, until the commit."""
        connection.exec_driver_sql(f"TRUNCATE {connection.dialect.identifier_preparer.format_table(table)}")

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

    def count_estimate(self, connection: sa.Connection, table: sa.Table) -> int:
        """See `base.Database.count_estimate`."""
        name = connection.dialect.identifier_preparer.format_table(table)
        query = sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = CAST(:name AS regclass)")
        known = int(connection.execute(query, {"name": name}).scalar_one())
        if known >= 0:
            return known
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def is_duplicate(self, error: BaseException) -> bool:
        """See `base.Database.is_duplicate`."""
        return isinstance(getattr(error, "orig", error), psycopg.errors.UniqueViolation)

    def is_stale(self, error: BaseException) -> bool:
        """See `base.Database.is_stale`: "cached plan must not change result type"; its SQLSTATE has other meanings."""
        told = getattr(getattr(error, "orig", error), "diag", None)
        return getattr(told, "source_function", None) == "RevalidateCachedQuery"

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


def _stream_raw(driver: psycopg.Connection[Any], record: object) -> None:
    """Cursors on the server take statements as the others do."""
    driver.server_cursor_factory = psycopg.RawServerCursor


@contextmanager
def _gone_if_it_fails(connection: sa.Connection) -> Iterator[None]:
    """Temporary tables that a transaction made are gone with it, also when it is refused at COMMIT (a deferred
    constraint), which SQLAlchemy does not tell as a rollback."""
    of_session = connection.info
    try:
        yield
    except BaseException:
        of_session.pop(TEMPORARY, None)
        raise


def _copying(query: sa.Select[Any], keys: Sequence[Any]) -> tuple[str, Mapping[str, Any]]:
    """The command that copies a query's rows out, with its parameters."""
    compiled = _compiled(query)
    if compiled.post_compile_params:  # a list that is no array is written out value by value
        expanded = compiled.construct_expanded_state({"keys": keys})
        return f"COPY ({expanded.statement}) TO STDOUT", expanded.parameters
    return f"COPY ({compiled}) TO STDOUT", compiled.params | {"keys": list(keys)}


@lru_cache(maxsize=QUERIES_KEPT)
def _compiled(query: sa.Select[Any]) -> SQLCompiler:
    """Building it takes longer than copying a slice's rows."""
    compiled = query.compile(dialect=COPYING)
    assert isinstance(compiled, SQLCompiler)
    return compiled


@lru_cache(maxsize=QUERIES_KEPT)
def _definition(dialect: sa.Dialect, columns: tuple[tuple[str, sa.Column[Any]], ...]) -> str:
    """Of a table with these columns, and without rows. Building it takes longer than making the table."""
    empty = sa.select(*(c.label(label) for label, c in columns)).where(sa.false())
    return str(empty.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _plain(connection: sa.Connection, query: sa.Select[Any]) -> str:
    """A query without parameters as text for the driver."""
    return str(query.compile(connection, compile_kwargs={"literal_binds": True}))


@contextmanager
def _cursor(
    connection: sa.Connection, kind: type[psycopg.Cursor[Any]] = psycopg.RawCursor
) -> Iterator[psycopg.Cursor[Any]]:
    """The driver's own cursor. Its errors are told as SQLAlchemy's, or they would pass by whoever halves a slice."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with kind(driver) as cursor:
            yield cursor
    except psycopg.Error as error:
        gone = bool(driver.closed)
        if gone:
            connection.invalidate(error)
        raise DBAPIError.instance(
            None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=gone
        ) from error

"""MariaDB 10.6 and MySQL 8.0, and newer: InnoDB's row locks with SKIP LOCKED, READ COMMITTED.

Which of the two it is, the first connection tells: an address is the same for both.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import pymysql
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from config.names import split_table
from worker.databases import mysql_apart, mysql_scratch
from worker.databases.ceiling import Ceiling
from worker.databases.facts import Schema
from worker.databases.mariadb_errors import DUPLICATE, tell_state
from worker.databases.mariadb_facts import VOLATILE, extras, referring, volatile_of_theirs
from worker.databases.mariadb_rows import as_words, line, values
from worker.databases.mariadb_session import begin, is_mariadb, session_of
from worker.databases.reflection import read_schema
from worker.databases.temporary import QUERIES_KEPT, described

CHUNK_ROWS = 500
MADE = "merzim_made"  # in a connection's `info`: the temporary tables that stand in its session
# What cannot be cast (NULL to a TEXT, say) goes in as it is, and the server converts it.
warnings.filterwarnings("ignore", "Datatype .*CAST", sa.exc.SAWarning)


class MariaDB:
    """See `base.Database`. SQLAlchemy's name for the dialect is mysql, whichever of the two the server is; where they
    differ, `mariadb_session.is_mariadb` says which."""

    dialect = "mysql"
    encoding = "json"

    def __init__(self, url: sa.URL, ledger_schema: str) -> None:
        self.ledger_schema: str | None = ledger_schema
        self.engine = sa.create_engine(
            url.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"}),
            connect_args={"connect_timeout": 10, "read_timeout": 3600, "write_timeout": 3600},
            poolclass=QueuePool,
            pool_size=2,
            pool_pre_ping=True,
            hide_parameters=True,
            query_cache_size=QUERIES_KEPT,
        )
        sa.event.listen(self.engine, "connect", begin)
        sa.event.listen(self.engine, "handle_error", tell_state)
        self._ceiling = Ceiling(self.engine)
        mysql_scratch.use(self.engine)
        mysql_apart.use(self.engine)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """See `base.Database.reading`. READ ONLY would refuse to EXPLAIN an UPDATE; never to commit is as safe."""
        with self.engine.connect() as connection, connection.begin() as transaction:
            self._ceiling.allow(connection, None)
            connection.exec_driver_sql(session_of(connection.dialect).reading)
            yield connection
            transaction.rollback()

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        with self.engine.connect() as connection, _nothing_left(connection):
            connection = connection.execution_options(merzim_write=True)
            with connection.begin():
                seconds = max(1, math.ceil(lock_seconds or 5))
                ceiling = max(60, 2 * seconds)
                said = session_of(connection.dialect).writing.format(seconds=seconds, ceiling=ceiling)
                connection.exec_driver_sql(said)
                self._ceiling.allow(connection, None if is_mariadb(connection.dialect) else ceiling)
                yield connection

    def expect_whole_tables(self, connection: sa.Connection, whole: bool) -> None:
        """MariaDB joins with keys that it makes for intermediate results by itself."""

    def schema(self, connection: sa.Connection, tables: Iterable[str]) -> Schema:
        """See `base.Database.schema`."""
        default = connection.execute(sa.text("SELECT DATABASE()")).scalar_one()
        named = {split_table(t)[0] or default for t in tables} | {default}
        wanted: dict[str | None, Any] = {None if s == default else s: None for s in sorted(named)}
        wanted.update(referring(connection, named))
        found = read_schema(connection, wanted, extras(connection, default))
        return replace(found, one_by_one=not is_mariadb(connection.dialect))

    def ailments(self, connection: sa.Connection) -> list[str]:
        """See `base.Database.ailments`. Transactions of others are seen with PROCESS only; a replica's lag not at all
        from here."""
        waiting = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").one()
        found = ["lock_waiters"] if int(waiting[1]) else []
        # InnoDB tells these times in the server's own zone, whatever the session's.
        now = "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')"
        long = f"SELECT count(*) FROM information_schema.innodb_trx WHERE trx_started < {now} - INTERVAL 10 MINUTE"
        try:
            return [*found, "long_transactions"] if connection.exec_driver_sql(long).scalar_one() else found
        except OperationalError:
            return [*found, "hidden_sessions"]

    def locked(self, query: sa.Select[Any], skip: bool, shared: bool = False) -> sa.Select[Any]:
        """See `base.Database.locked`."""
        return query.with_for_update(skip_locked=skip, read=shared)

    def rows(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[Any]]:
        """See `base.Database.rows`."""
        with connection.execute(query, execution_options={"stream_results": True}) as found:
            yield from chain.from_iterable(found.partitions(CHUNK_ROWS))

    def rows_out(self, connection: sa.Connection, query: sa.Select[Any], keys: Sequence[Any] = ()) -> Iterator[bytes]:
        """The rows, streamed, one JSON array a line."""
        words = [as_words(c).label(f"merzim_{i}") for i, c in enumerate(query.selected_columns)]
        told = query.with_only_columns(*words, maintain_column_froms=True)
        with connection.execute(told, {"keys": keys}, execution_options={"stream_results": True}) as found:
            for chunk in found.partitions(CHUNK_ROWS):
                yield b"".join(line(row) for row in chunk)

    def rows_in(
        self, connection: sa.Connection, target: sa.Table, columns: Sequence[str], rows: Iterable[bytes]
    ) -> int:
        """See `base.Database.rows_in`."""
        found = (values(each) for chunk in rows for each in chunk.splitlines())
        count = 0
        while many := list(islice(found, CHUNK_ROWS)):
            count += _insert(connection, target, columns, many)
        return count

    def temporary(self, connection: sa.Connection, name: str, columns: Mapping[str, sa.Column[Any]]) -> sa.Table:
        """See `base.Database.temporary`. It lies in the ledger's database. Neither making nor dropping it commits. The
        outer join lets every column be NULL, whatever the live one says."""
        table = described(name, self.ledger_schema or "", columns)
        quoted = connection.dialect.identifier_preparer.format_table(table)
        one = sa.select(sa.literal_column("1").label("one")).subquery("merzim_nothing")
        live = next(c.table for c in columns.values() if isinstance(c, sa.Column))
        any_text: sa.ColumnElement[Any] = sa.literal_column("CAST(NULL AS CHAR(100000))")
        empty = sa.select(*((c if isinstance(c, sa.Column) else any_text).label(n) for n, c in columns.items()))
        empty = empty.select_from(one.outerjoin(live, sa.literal_column("FALSE"))).limit(0)
        made = empty.compile(connection, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {quoted}")
        connection.info.setdefault(MADE, {})[quoted] = table.name
        own_key = "" if is_mariadb(connection.dialect) else mysql_scratch.KEY
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {quoted} {own_key} ENGINE=InnoDB {made}")
        if own_key:
            mysql_scratch.describe(connection, table, columns)
        return table

    def clear(self, connection: sa.Connection, table: sa.Table) -> None:
        """See `base.Database.clear`. TRUNCATE would commit."""
        connection.execute(sa.delete(table))

    def insert_from(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], query: sa.Select[Any]
    ) -> int:
        """See `base.Database.insert_from`."""
        return connection.execute(sa.insert(table).from_select(list(columns), query)).rowcount

    def fill(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]]) -> None:
        """See `base.Database.fill`."""
        for start in range(0, len(rows), CHUNK_ROWS):
            _insert(connection, table, [c.name for c in table.c], rows[start : start + CHUNK_ROWS])

    def count_estimate(self, connection: sa.Connection, table: sa.Table) -> int:
        """See `base.Database.count_estimate`: InnoDB's own estimate, or a count where it says that there is little."""
        query = sa.text(
            "SELECT table_rows FROM information_schema.tables"
            " WHERE table_schema = COALESCE(:schema, DATABASE()) AND table_name = :name"
        )
        known = connection.execute(query, {"schema": table.schema, "name": table.name}).scalar() or 0
        if known > 10_000:
            return int(known)
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def is_duplicate(self, error: BaseException) -> bool:
        """See `base.Database.is_duplicate`."""
        arguments = getattr(error, "orig", error).args
        return bool(arguments) and arguments[0] == DUPLICATE

    def is_stale(self, error: BaseException) -> bool:
        """See `base.Database.is_stale`: no plans are kept."""
        return False

    def volatile_functions(self, connection: sa.Connection, names: Iterable[str]) -> set[str]:
        """See `base.Database.volatile_functions`."""
        called = {n.lower() for n in names}
        return called & VOLATILE | volatile_of_theirs(connection, called)


@contextmanager
def _nothing_left(connection: sa.Connection) -> Iterator[None]:
    """Drop the transaction's temporary tables when it has ended, however it has: they hold originals, and would stay as
    long as the session. If that fails, it says nothing about the transaction, and the session goes too."""
    try:
        yield
    finally:
        made: dict[str, str] = {} if connection.invalidated else connection.info.pop(MADE, {})
        if made:
            try:
                with closing(connection.connection.cursor()) as cursor:  # no transaction of its own
                    cursor.execute(f"DROP TEMPORARY TABLE IF EXISTS {', '.join(made)}")
                    cursor.execute("SET " + ", ".join(f"@{name} = NULL" for name in made.values()))
            except pymysql.Error:
                connection.invalidate()


def _insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Many rows, which the driver sends as one statement."""
    quote = connection.dialect.identifier_preparer
    names, marks = ", ".join(quote.quote(c) for c in columns), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote.format_table(table)} ({names}) VALUES ({marks})"
    mysql_scratch.changed(connection, table)
    return connection.exec_driver_sql(statement, [tuple(row) for row in rows]).rowcount

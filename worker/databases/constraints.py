"""Constraints and triggers while archived rows go back: put off, asked what refused, and seen what else was written.

Nothing here ever says a value of a row: of an error only the names that the database gives with it.
"""

import re
import sqlite3
from collections.abc import Collection

import psycopg
import pymysql
import sqlalchemy as sa

DRIVER_ERRORS = (sa.exc.DBAPIError, psycopg.Error, pymysql.Error, sqlite3.Error)
# Data, integrity, and what a trigger raises: the rows are refused, and nothing is wrong with the database.
_REFUSING = ("22", "23", "44", "P0")
_LITE_CONSTRAINT = re.compile(r"^[A-Z ]+ constraint failed(?:: (?P<what>.+))?$")
_MARIADB_COLUMN = re.compile(r"for column (?:`[^`]*`\.`[^`]*`\.)?[`']([^`']+)[`'] at row \d+$")
_WRITTEN = """
    SELECT CASE WHEN n.nspname <> current_schema() THEN n.nspname END, c.relname,
        sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::bigint
    FROM pg_stat_xact_user_tables s
    JOIN pg_class c ON c.oid = coalesce(pg_partition_root(s.relid)::oid, s.relid)
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND s.n_tup_ins + s.n_tup_upd + s.n_tup_del > 0
    GROUP BY 1, 2"""


def put_off(connection: sa.Connection) -> None:
    """Foreign keys that may be deferred (SQLite: all of them) are looked at when `insist` is called."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    elif connection.dialect.name == "mysql":
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    else:
        connection.exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")


def insist(connection: sa.Connection) -> None:
    """Look at what was put off. Raises SQLAlchemy's IntegrityError; SQLite looks only when the transaction ends."""
    if connection.dialect.name == "mysql":
        connection.exec_driver_sql("SET SESSION foreign_key_checks = 1")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")


def rows_written(connection: sa.Connection) -> dict[tuple[str | None, str], int]:
    """How many rows this transaction has written so far, triggers included, by (schema, table); the schema is None for
    the default one. SQLite only knows how many in all: (None, "")."""
    if connection.dialect.name == "mysql":
        return {}  # it counts for the whole server only
    if connection.dialect.name == "sqlite":
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        return {(None, ""): driver.total_changes}
    return {(schema, table): int(n) for schema, table, n in connection.execute(sa.text(_WRITTEN))}


def refuses_rows(error: BaseException) -> bool:
    """Whether the error says that rows are not what the tables take; else something is wrong with the database."""
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    return state[:2] in _REFUSING if state else isinstance(original, sqlite3.IntegrityError)


def refusal(error: BaseException) -> str:
    """What refused, as far as the database names it: the kind of error, the table, the constraint."""
    original = getattr(error, "orig", None) or error
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None:
        lite = _LITE_CONSTRAINT.match(str(original))
        return ", ".join(part for part in (type(original).__name__, lite and lite["what"]) if part)
    names = (diagnosis.table_name, diagnosis.column_name, diagnosis.datatype_name, diagnosis.constraint_name)
    return ", ".join(part for part in (type(original).__name__, *names) if part)


def column_refused(error: BaseException, columns: Collection[str]) -> str | None:
    """Which of the columns COPY (MariaDB: INSERT) could not take a value for, None if it did not say."""
    arguments: tuple[object, ...] = getattr(getattr(error, "orig", error), "args", ())
    if len(arguments) == 2 and (named := _MARIADB_COLUMN.search(str(arguments[1]))) and named[1] in columns:
        return named[1]
    context = getattr(getattr(getattr(error, "orig", error), "diag", None), "context", None) or ""
    said = re.search(r"COPY \S+, line \d+, column (.*)", context, re.DOTALL)
    fitting = [c for c in columns if said is not None and said[1].startswith((f"{c}: ", f"{c}, "))]
    return max(fitting, key=len, default=None)

"""Puts rows into the operator's tables in bulk, by the fastest way of each server."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

Row = tuple[Any, ...]


def load(connection: sa.Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert the rows: COPY on PostgreSQL, executemany elsewhere. Moments are read as UTC."""
    names = ", ".join(f'"{column}"' for column in columns)
    if connection.dialect.name == "postgresql":
        driver = connection.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        mysql = connection.dialect.name == "mysql"
        marks = ", ".join(["%s" if mysql else "?"] * len(columns))
        names = names.replace('"', "`") if mysql else names
        insert = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own rows.py
        connection.exec_driver_sql(insert, list(rows))


def prepare(connection: sa.Connection) -> None:
    """Have PostgreSQL read the moments, which carry no zone, as UTC until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL TimeZone = 'UTC'")


def settle(connection: sa.Connection, tables: Sequence[str]) -> None:
    """Let the identities go on after the loaded ids, and tell the planner what is there.

    The others need neither; SQLite's ANALYZE could keep samples of identifiers in tables that nobody cleans.
    """
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        ids = sa.table(table, sa.column("id", sa.BigInteger))
        last = connection.scalar(sa.select(sa.func.max(ids.c.id)))
        if last is not None:
            connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, "id"), last)))
        connection.exec_driver_sql(f"ANALYZE {table}")

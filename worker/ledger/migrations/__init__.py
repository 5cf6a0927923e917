"""Creates and upgrades the ledger. Run from a program: there is no alembic.ini."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.locks import lock
from worker.ledger.tables import ledger_tables
from worker.ledger.version import current_state


def migrate(connection: sa.Connection, schema: str | None) -> None:
    """Create the ledger, or bring it to this version, in the connection's transaction; the caller commits.

    Two at once wait for each other. Raises LedgerError when the ledger was made by a newer merzim.
    """
    with _one_at_a_time(connection, schema):
        _migrate(connection, schema)


def _migrate(connection: sa.Connection, schema: str | None) -> None:
    if current_state(connection, schema) == "newer":
        raise LedgerError(text("ledger_refuses.newer"))
    if schema is not None and not sa.inspect(connection).has_schema(schema):
        _create_schema(connection, schema)
    config = _config()
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")


@contextmanager
def _one_at_a_time(connection: sa.Connection, schema: str | None) -> Iterator[None]:
    """Before the tables exist only the advisory lock can be taken; SQLite's first DDL takes the write lock. MariaDB's
    DDL commits, so there the lock is the session's."""
    if connection.dialect.name == "postgresql":
        lock(connection, ledger_tables(schema), "migrate", shared=False)
    if connection.dialect.name != "mysql":
        yield
        return
    name = f"merzim migrate {schema}"[:64]
    if connection.scalar(sa.select(sa.func.get_lock(name, 60))) != 1:
        raise LedgerError(text("ledger_refuses.migrating"))
    try:
        yield
    finally:
        connection.execute(sa.select(sa.func.release_lock(name)))


def _create_schema(connection: sa.Connection, schema: str) -> None:
    if connection.dialect.name == "mysql":
        quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
        connection.exec_driver_sql(f"CREATE DATABASE {quoted} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    else:
        connection.execute(sa.schema.CreateSchema(schema))


def _config() -> Config:
    config = Config()
    # Percent signs in a path would be read as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config

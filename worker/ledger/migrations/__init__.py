"""Creates and upgrades the ledger. Run from a program: there is no alembic.ini."""

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
    _one_at_a_time(connection, schema)
    if current_state(connection, schema) == "newer":
        raise LedgerError(text("ledger_refuses.newer"))
    if schema is not None and not sa.inspect(connection).has_schema(schema):
        connection.execute(sa.schema.CreateSchema(schema))
    config = _config()
    config.attributes.update(connection=connection, schema=schema)
    command.upgrade(config, "head")


def _one_at_a_time(connection: sa.Connection, schema: str | None) -> None:
    """Before the tables exist only the advisory lock can be taken; SQLite's first DDL takes the write lock."""
    if connection.dialect.name == "postgresql":
        lock(connection, ledger_tables(schema), "migrate", shared=False)


def _config() -> Config:
    config = Config()
    # Percent signs in a path would be read as interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config

"""Creates and upgrades the ledger. Run from a program: there is no alembic.ini."""

from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.locks import lock
from worker.ledger.tables import SQLITE_PREFIX, ledger_tables

VERSION_TABLE = "alembic_version"
"""Lies in the ledger's schema; on SQLite it bears the prefix of the ledger's tables."""

State = Literal["absent", "old", "current", "newer"]


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


def current_state(connection: sa.Connection, schema: str | None) -> State:
    """Where the ledger stands against this merzim: absent, old (migrate it), current, or newer. Read-only."""
    options = {"version_table": version_table(schema), "version_table_schema": schema}
    heads = MigrationContext.configure(connection, opts=options).get_current_heads()
    if not heads:
        return "absent"
    script = ScriptDirectory.from_config(_config())
    if set(heads) == set(script.get_heads()):
        return "current"
    known = {revision.revision for revision in script.walk_revisions()}
    return "old" if known.issuperset(heads) else "newer"


def version_table(schema: str | None) -> str:
    """The name of the table that says which migration the ledger has."""
    return VERSION_TABLE if schema else SQLITE_PREFIX + VERSION_TABLE


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

"""Where a ledger stands against this merzim. Without alembic, whose import would cost every start of the program more
than all the rest of the ledger."""

from typing import Literal

import sqlalchemy as sa

from worker.ledger.tables import SQLITE_PREFIX

VERSION_TABLE = "alembic_version"
"""Lies in the ledger's schema; on SQLite it bears the prefix of the ledger's tables."""

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every migration in order, as `migrations/versions` has them."""

State = Literal["absent", "old", "current", "newer"]


def current_state(connection: sa.Connection, schema: str | None) -> State:
    """Whether the ledger is absent, old (migrate it), current, or newer. Read-only."""
    name = version_table(schema)
    if not sa.inspect(connection).has_table(name, schema=schema):
        return "absent"
    version = sa.table(name, sa.column("version_num", sa.Text), schema=schema)
    found = connection.scalar(sa.select(version.c.version_num))
    if found is None:
        return "absent"
    if found == REVISIONS[-1]:
        return "current"
    return "old" if found in REVISIONS else "newer"


def version_table(schema: str | None) -> str:
    """The name of the table that says which migration the ledger has."""
    return VERSION_TABLE if schema else SQLITE_PREFIX + VERSION_TABLE

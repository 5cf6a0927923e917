"""From a database URL to the database behind the Protocol."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from config.catalogue import text
from worker.databases.base import Database
from worker.databases.postgresql import PostgreSQL
from worker.databases.sqlite import SQLite


class UnknownDatabase(ValueError):
    """The URL is unreadable or names a database merzim does not know; the text never holds a password."""


def open_database(
    url: str, ledger_schema: str, functions: Mapping[str, Callable[[str | None], str | None]] | None = None
) -> Database:
    """The database for a SQLAlchemy URL such as postgresql://merzim@db/kpi or sqlite:////data/kpi.db.
    `functions` are lent to a database that runs in our process. Opens no connection. Raises UnknownDatabase."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise UnknownDatabase(text("database_url.unreadable")) from None
    match parsed.get_backend_name():
        case "postgresql":
            return PostgreSQL(parsed, ledger_schema)
        case "sqlite":
            return SQLite(parsed, functions or {})
        case other:
            raise UnknownDatabase(text("database_url.unknown", name=repr(other)))

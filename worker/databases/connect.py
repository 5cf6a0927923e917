"""From a database URL to the database behind the Protocol."""

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from config.catalogue import text
from worker.databases.base import Database
from worker.databases.errors import UnknownDatabase as UnknownDatabase


def open_database(url: str, ledger_schema: str) -> Database:
    """The database for a SQLAlchemy URL such as postgresql://merzim@db/kpi or sqlite:////data/kpi.db.
    Opens no connection. Raises UnknownDatabase."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise UnknownDatabase(text("database_url.unreadable")) from None
    match parsed.get_backend_name():
        # Each brings its driver along: only the one that is used is worth the time.
        case "postgresql":
            from worker.databases.postgresql import PostgreSQL

            return PostgreSQL(parsed, ledger_schema)
        case "mysql" | "mariadb":
            from worker.databases.mariadb import MariaDB

            return MariaDB(parsed, ledger_schema)
        case "sqlite":
            from worker.databases.sqlite import SQLite

            return SQLite(parsed)
        case other:
            raise UnknownDatabase(text("database_url.unknown", name=repr(other)))

"""SQLite's error codes, told in the SQLSTATEs that the rest of merzim asks for."""

import sqlite3
from types import SimpleNamespace

import sqlalchemy as sa

LOCKED, BROKEN = "55P03", "58030"
_STATES = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_READONLY: "25006",
    sqlite3.SQLITE_FULL: "53100",
    sqlite3.SQLITE_NOMEM: "53200",
    sqlite3.SQLITE_IOERR: BROKEN,
    sqlite3.SQLITE_CANTOPEN: BROKEN,
    sqlite3.SQLITE_CORRUPT: BROKEN,
    sqlite3.SQLITE_NOTADB: BROKEN,
}


def tell_state(context: sa.engine.ExceptionContext) -> None:
    """Give the driver's error a `sqlstate` and the sentence, where it is not about rows: so it cannot hold a value."""
    error = context.original_exception
    state = _STATES.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    if state is not None:
        error.sqlstate = state  # type: ignore[attr-defined]  # as psycopg's errors have it
        told = dict.fromkeys(("table_name", "column_name", "datatype_name", "constraint_name"))
        error.diag = SimpleNamespace(message_primary=str(error), **told)  # type: ignore[attr-defined]  # the same

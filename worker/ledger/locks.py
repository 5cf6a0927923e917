"""Locks that live as long as the present transaction.

PostgreSQL: transaction-level advisory locks, whose queue is fair (a lock on a row is not: new sharers overtake
whoever waits to have it alone). SQLite has one write lock for everything, so it serves every purpose.
"""

import hashlib

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.tables import Ledger

LOCK_ROWS = {"gate": 0, "create run": 1, "seal": 2, "store request": 3}
"""Rows of MariaDB's lock table by purpose. A migration made them: numbers never change."""
KEY = sa.bindparam("key", type_=sa.BigInteger)
SHARED, ALONE = sa.select(sa.func.pg_advisory_xact_lock_shared(KEY)), sa.select(sa.func.pg_advisory_xact_lock(KEY))


def lock(conn: sa.Connection, ledger: Ledger, purpose: str, *, shared: bool) -> None:
    """Wait for the lock called `purpose` and keep it until this transaction ends.

    What is read *before* may be stale: look again in a later statement (READ COMMITTED).
    The session's lock_timeout (SQLite: busy_timeout) applies, as SQLAlchemy's OperationalError.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(SHARED if shared else ALONE, {"key": lock_key(ledger, purpose)})
    elif conn.dialect.name == "sqlite":
        _take_write_lock(conn, ledger)
    elif conn.dialect.name == "mysql":
        _take_row(conn, ledger, purpose, shared)
    else:
        raise LedgerError(text("ledger_refuses.no_lock", database=conn.dialect.name))


def try_lock(conn: sa.Connection, ledger: Ledger, purpose: str) -> bool:
    """Take the lock if it is free, without waiting; also in a transaction that only reads. Elsewhere than on PostgreSQL
    always True: it spares work there, and decides nothing."""
    if conn.dialect.name != "postgresql":
        return True
    key = sa.literal(lock_key(ledger, purpose), sa.BigInteger)
    return bool(conn.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar_one())


def lock_key(ledger: Ledger, purpose: str) -> int:
    """The advisory lock's 64-bit key: the same in every process that uses this ledger schema."""
    digest = hashlib.sha256(f"merzim {ledger.schema} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _take_row(conn: sa.Connection, ledger: Ledger, purpose: str, shared: bool) -> None:
    """One InnoDB row per purpose that there is few of, and 256 for all the others, which may so share one. InnoDB's
    queue is fair: who waits to have a row alone is not overtaken."""
    rows = sa.table("lock_row", sa.column("number", sa.Integer), schema=ledger.schema)
    number = LOCK_ROWS[purpose] if purpose in LOCK_ROWS else len(LOCK_ROWS) + lock_key(ledger, purpose) % 256
    taken = sa.select(rows.c.number).where(rows.c.number == number).with_for_update(read=shared)
    if conn.execute(taken).first() is None:
        raise LedgerError(text("ledger_refuses.no_lock_row"))


def _take_write_lock(conn: sa.Connection, ledger: Ledger) -> None:
    """Make sure that the transaction has the write lock, as one begun with BEGIN IMMEDIATE has.

    SQLite takes the lock for any UPDATE, also for one that matches no row. A transaction that had read an older
    state gets SQLITE_BUSY instead of the lock, so what it reads from here on is never stale.
    """
    table = ledger.installation
    conn.execute(table.update().values(created_at=table.c.created_at).where(sa.false()))
    driver = conn.connection.driver_connection
    if driver is None or not driver.in_transaction:
        raise LedgerError(text("ledger_refuses.autocommit"))

"""What happens at a step: a name, on which databases, and how it is brought about there.

Where it can be had, the real thing happens: the server ends the session, or raises the error itself, so that the
transaction is torn as it would be. The rest is raised as the driver raises it.
"""

import errno
import os
import signal
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pymysql

from tests.integration.faults.wire import Step
from tests.integration.night_support import wait_until
from tests.integration.small_operator import EACH

SERVERS = ("postgresql", "mysql")
STATES = {
    "deadlock": ("40P01", 1213),
    "serialization failure": ("40001", 1020),
    "lock timeout": ("55P03", 1205),
    "statement timeout": ("57014", 1969),
    "full": ("53100", 1114),
    "read only": ("25006", 1290),
    "out of connections": ("53300", 1040),
}
"""What the servers call it: PostgreSQL's SQLSTATE, MariaDB's number."""
SQLITE = {
    "lock timeout": ("database is locked", sqlite3.SQLITE_BUSY),
    "full": ("database or disk is full", sqlite3.SQLITE_FULL),
    "read only": ("attempt to write a readonly database", sqlite3.SQLITE_READONLY),
    "broken disk": ("disk I/O error", sqlite3.SQLITE_IOERR),
}


@dataclass(frozen=True)
class Mishap:
    """`before` happens right before the step, `after` right after it; `only` says at which kind of steps."""

    name: str
    databases: tuple[str, ...]
    before: Callable[[Step], None] = lambda _: None
    after: Callable[[Step], None] = lambda _: None
    only: str | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def kills(self) -> bool:
        return self.before is die


def die(_: Step) -> None:
    """The process is no more: nothing is rolled back, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


def lose_connection(step: Step) -> None:
    """The server ends the session."""
    driver = step.connection
    if isinstance(driver, psycopg.Connection):
        pid = driver.info.backend_pid
        with psycopg.connect(driver.info.dsn, autocommit=True, password=driver.info.password) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            gone = "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s"
            wait_until(lambda: bool(_one(other.execute(gone, (pid,)))))
        return
    number = driver.thread_id()
    there = "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s"
    with pymysql.connect(host=driver.host, port=driver.port, user=driver.user, password=driver.password) as other:
        cursor = other.cursor()
        cursor.execute("KILL CONNECTION %s", (number,))

        def gone_too() -> bool:
            cursor.execute(there, (number,))
            return bool(_one(cursor) == 0)

        wait_until(gone_too)


def _one(cursor: Any) -> Any:
    (value,) = cursor.fetchone()
    return value


def lose_reply(step: Step) -> None:
    """What was asked for was done; the answer never arrives."""
    driver = step.connection
    if isinstance(driver, psycopg.Connection):
        driver.pgconn.finish()
        raise psycopg.OperationalError("server closed the connection unexpectedly")
    driver._force_close()
    raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")


def refuse(name: str) -> Callable[[Step], None]:
    """The server refuses the statement with this error."""

    def raised(step: Step) -> None:
        driver = step.connection
        if isinstance(driver, psycopg.Connection):
            _raised_by_postgresql(driver, STATES[name][0])
        elif isinstance(driver, sqlite3.Connection):
            said, code = SQLITE[name]
            error = sqlite3.OperationalError(said)
            error.sqlite_errorcode = code
            raise error
        else:
            number = STATES[name][1]
            driver.query(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{name}'")

    return raised


def _raised_by_postgresql(driver: "psycopg.Connection[Any]", state: str) -> None:
    if driver.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:  # rows are coming in: nothing can be said
        raise psycopg.errors.lookup(state)(state)
    mishap = f"DO $$ BEGIN RAISE EXCEPTION 'a mishap' USING ERRCODE = '{state}'; END $$"
    driver.wait(psycopg.Cursor(driver)._execute_gen(mishap))  # `execute` would wait for the statement that we are in


def refused_by_disk(number: int) -> Callable[[Step], None]:
    """The operating system refuses."""

    def refuse(step: Step) -> None:
        raise OSError(number, os.strerror(number), step.path)

    return refuse


MISHAPS: Mapping[str, Mishap] = {
    m.name: m
    for m in (
        Mishap("kill", EACH, before=die),
        Mishap("lost connection", SERVERS, before=lose_connection),
        Mishap("lost reply", SERVERS, after=lose_reply, only="commit"),
        *(Mishap(name, (*SERVERS, "sqlite") if name in SQLITE else SERVERS, before=refuse(name)) for name in STATES),
        Mishap("broken disk", ("sqlite",), before=refuse("broken disk")),
    )
}


DISK_MISHAPS: Mapping[str, Mishap] = {
    m.name: m
    for m in (
        Mishap("kill", EACH, before=die, only="disk"),
        Mishap("full", EACH, before=refused_by_disk(errno.ENOSPC), only="disk"),
        Mishap("read only", EACH, before=refused_by_disk(errno.EROFS), only="disk"),
        Mishap("broken", EACH, before=refused_by_disk(errno.EIO), only="disk"),
        Mishap("gone", EACH, before=refused_by_disk(errno.ESTALE), only="disk"),
    )
}


def pairs(mishaps: Mapping[str, Mishap], names: Collection[str] | None = None) -> list[tuple[str, Mishap]]:
    """(database, mishap) for all that can happen, or for those of these names."""
    wanted = mishaps if names is None else names
    return [(d, m) for d in EACH for m in mishaps.values() if m.name in wanted and d in m.databases]

"""Fresh ledgers on real databases for the ledger's tests: a SQLite file, or a PostgreSQL database of its own."""

import atexit
import datetime as dt
import functools
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.mariadb_server import ON_BOTH, empty_mariadb, forget_ledger
from worker.databases.mariadb import MariaDB
from worker.ledger.migrations import migrate
from worker.ledger.policies import store_policy
from worker.ledger.runs import NewRun, Run, create_run
from worker.ledger.tables import Ledger, ledger_tables

BOTH = ("sqlite", "postgresql")
EACH = (*BOTH, "mysql")
NOW = dt.datetime(2026, 11, 23, 1, 2, 3, 4)
SERVER = os.environ.get("MERZIM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@dataclass(frozen=True)
class Place:
    """A database and the ledger in it."""

    engine: sa.Engine
    ledger: Ledger

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name


@contextmanager
def empty_place(dialect: str, folder: Path) -> Iterator[Place]:
    """A database without a ledger; emptied afterwards."""
    if dialect == "sqlite":
        yield Place(sqlite_engine(folder / "operator.sqlite"), ledger_tables(None))
        return
    if dialect in ON_BOTH:
        forget_ledger(dialect)
        yield mariadb_place(dialect)
        return
    engine = sa.create_engine(sa.make_url(SERVER).set(database=postgresql_database()))
    try:
        yield Place(engine, ledger_tables("merzim"))
    finally:
        engine.dispose()
        with engine.begin() as conn:
            for schema in sa.inspect(conn).get_schema_names():
                if schema != "information_schema":
                    conn.execute(sa.schema.DropSchema(schema, cascade=True))
            conn.execute(sa.schema.CreateSchema("public"))
        engine.dispose()


def mariadb_place(server: str) -> Place:
    """A database on MariaDB or MySQL, as merzim itself connects to it."""
    url = sa.make_url(empty_mariadb(server))
    engine = MariaDB(url, f"{url.database}_ledger").engine
    return Place(engine.execution_options(isolation_level="READ COMMITTED"), ledger_tables(f"{url.database}_ledger"))


@contextmanager
def ledger_place(dialect: str, folder: Path) -> Iterator[Place]:
    """A database with a migrated, empty ledger; emptied afterwards."""
    if dialect in ON_BOTH:
        place = mariadb_place(dialect)
        with place.engine.begin() as conn:
            migrate(conn, place.ledger.schema)
        yield place
        place.engine.dispose()
        return
    with empty_place(dialect, folder) as place:
        with place.engine.begin() as conn:
            migrate(conn, place.ledger.schema)
        yield place


@functools.cache
def postgresql_database() -> str:
    """One database for all tests of this process, because making one takes longer than most tests."""
    name = f"merzim_ledger_{uuid.uuid4().hex}"
    on_server(f"CREATE DATABASE {name}")
    atexit.register(on_server, f"DROP DATABASE {name} WITH (FORCE)")
    return name


def on_server(statement: str) -> None:
    """Run a statement that no transaction may contain."""
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as conn:
        conn.exec_driver_sql(statement)


def sqlite_engine(path: Path) -> sa.Engine:
    """Every transaction begins with BEGIN IMMEDIATE, as merzim's own do."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.05})

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def _begin(conn: sa.Connection) -> None:
        conn.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def new_run(**changes: Any) -> NewRun:
    """A plan for the policy that `store_test_policy` stores."""
    values: dict[str, Any] = {
        "policy_name": "kpi",
        "policy_hash": "abc",
        "kind": "night",
        "local_date": dt.date(2026, 11, 23),
        "now": NOW,
        "fingerprint": "f1",
        "plan": "{}",
        "approved": True,
        "started_at": NOW,
    }
    return NewRun(**{**values, **changes})


def store_test_policy(conn: sa.Connection, ledger: Ledger) -> None:
    store_policy(conn, ledger, text="policy: kpi", policy_hash="abc", name="kpi", at=NOW)


def make_run(place: Place, **changes: Any) -> Run:
    """A committed open run."""
    with place.engine.begin() as conn:
        store_test_policy(conn, place.ledger)
        run, made = create_run(conn, place.ledger, new_run(**changes))
    assert made
    return run


def wait_for_a_waiter(place: Place) -> None:
    """Until some session of this database waits for an advisory lock."""
    deadline = time.monotonic() + 10
    query = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with place.engine.connect() as conn:
        while time.monotonic() < deadline:
            if conn.exec_driver_sql(query).scalar():
                return
    raise AssertionError("Nobody waited for the lock.")

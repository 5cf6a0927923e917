"""A small operator on both databases, its policy, and a way to put mistakes into either."""

import atexit
import functools
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from config.problems import Problem
from worker.databases.base import Database
from worker.databases.connect import open_database
from worker.pipeline.checking import Checked, check_text

BOTH = ("sqlite", "postgresql")
SERVER = os.environ.get("MERZIM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")

POLICY = """\
policy: shop
operator: A shop
timezone: Asia/Almaty
floor: {term: 3 years, basis: clause 5.3}
subject: {table: people, key: id, same person: iin, blocked: blocked_at}
identifiers:
  iin: [people.iin, orders.payer_iin]
  email: [people.email]
  name: [[people.name, people.code]]
links:
  - {from: orders.payer_iin, to: people.iin}
  - {from: journal.row_id, to: people.id, where: "table_name = 'people'"}
clock:
  - people.seen_at
  - {event: letters.sent_at, where: "direction = 'in'"}
stored in: {default: UTC, people.seen_at: local}
holds:
  open order: {exists: orders, where: "closed_at IS NULL", basis: law}
stages:
  profile:
    from: subject
    term: 3 years
    basis: clause 5.3
    archive: {term: 30 days, basis: clause 3.4}
    tables:
      letters: {delete: row, files: {root: scans, columns: [path]}}
      people:
        depersonalise:
          keep: [id, status, seen_at, blocked_at]
          synthetic iin: [iin]
          synthetic email: [email]
          constant "": [name]
          nothing: [code, "Аты"]
      journal: {after: people, depersonalise: {keep: [id, table_name, row_id], nothing: [old]}}
  orders:
    from: orders.paid_at
    term: 5 years
    tables:
      lines: delete
      orders:
        depersonalise:
          keep: [id, person_id, paid_at, closed_at]
          follows people.iin: [payer_iin]
          nothing: [note]
ignore:
  regions: no personal data
triggers:
  people_log: {writes: journal}
"""

TABLES = [
    "CREATE TABLE regions (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
    """CREATE TABLE people (id INTEGER PRIMARY KEY, iin VARCHAR(12), email VARCHAR(254) UNIQUE,
        name VARCHAR(100) NOT NULL, "Аты" VARCHAR(40), code VARCHAR(2) CHECK (length(code) = 2),
        status VARCHAR(10) NOT NULL CHECK (status IN ('open', 'closed')), seen_at TIMESTAMP, blocked_at TIMESTAMP)""",
    "CREATE INDEX people_iin ON people (iin)",
    """CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        payer_iin VARCHAR(12), note TEXT, paid_at DATE, closed_at TIMESTAMP)""",
    "CREATE INDEX orders_person_id ON orders (person_id)",
    "CREATE INDEX orders_payer_iin ON orders (payer_iin)",
    "CREATE INDEX orders_paid_at ON orders (paid_at)",
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), what TEXT)",
    "CREATE INDEX lines_order_id ON lines (order_id)",
    """CREATE TABLE letters (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id),
        direction VARCHAR(3) NOT NULL, path TEXT, sent_at TIMESTAMP NOT NULL)""",
    "CREATE INDEX letters_person_id ON letters (person_id)",
    "CREATE TABLE journal (id INTEGER PRIMARY KEY, table_name VARCHAR(60) NOT NULL, row_id INTEGER NOT NULL, old TEXT)",
    "CREATE INDEX journal_row_id ON journal (row_id)",
]
WRITE = "INSERT INTO journal (id, table_name, row_id) VALUES (NEW.id, 'people', NEW.id)"


def trigger(dialect: str, name: str, table: str) -> list[str]:
    """DDL of a trigger that writes to the journal."""
    if dialect == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER UPDATE ON {table} BEGIN {WRITE}; END"]
    body = f"BEGIN {WRITE}; RETURN NULL; END"
    return [
        f"CREATE OR REPLACE FUNCTION journal_it() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
        f"CREATE TRIGGER {name} AFTER UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION journal_it()",
    ]


@functools.cache
def postgresql_database() -> str:
    """One database for all tests of this process."""
    name = f"merzim_check_{uuid.uuid4().hex}"
    on_server(f"CREATE DATABASE {name}")
    atexit.register(on_server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    return name


def on_server(statement: str) -> None:
    """Run a statement that no transaction may contain."""
    server = sa.create_engine(SERVER, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.exec_driver_sql(statement)


def open_empty(dialect: str, folder: Path) -> Database:
    """A database without tables (PostgreSQL: shared, so leave nothing behind)."""
    if dialect == "sqlite":
        return open_database(f"sqlite:///{folder / 'operator.sqlite'}", "merzim")
    url = sa.make_url(SERVER).set(database=postgresql_database())
    return open_database(url.render_as_string(hide_password=False), "merzim")


@contextmanager
def operator(dialect: str, folder: Path, *changes: str) -> Iterator[tuple[sa.Connection, Database]]:
    """The small operator's database with more DDL, in a transaction that is rolled back."""
    database = open_empty(dialect, folder)
    try:
        with database.engine.connect() as connection, connection.begin() as transaction:
            for statement in [*TABLES, *trigger(dialect, "people_log", "people"), *changes]:
                connection.exec_driver_sql(statement)
            yield connection, database
            transaction.rollback()
    finally:
        database.engine.dispose()


def changed(*changes: tuple[str, str]) -> str:
    """The policy with each (old, new) put in; `old` must stand in it exactly once."""
    text = POLICY
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the policy"
        text = text.replace(old, new)
    return text


def check(dialect: str, folder: Path, text: str = POLICY, *changes: str) -> Checked:
    """What check says to a policy and a database with changes."""
    with operator(dialect, folder, *changes) as (connection, database):
        return check_text(connection, database, text, "shop.yaml")


def only(problems: tuple[Problem, ...]) -> Problem:
    """The only problem there is."""
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]

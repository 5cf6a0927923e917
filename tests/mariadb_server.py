"""The MariaDB of the tests: that of MERZIM_TEST_MARIADB_URL, else the one at the usual local port."""

import atexit
import functools
import os
import uuid

import pytest
import sqlalchemy as sa

MARIADB = "MERZIM_TEST_MARIADB_URL"
USUAL_MARIADB = "mysql+pymysql://root@127.0.0.1:3306/"


def mariadb_url() -> sa.URL:
    """The server; a test that needs it and finds none does not pass."""
    if MARIADB not in os.environ:
        pytest.fail(f"No MariaDB answers at {USUAL_MARIADB}, and {MARIADB} names none: this test was NOT run.")
    return sa.make_url(os.environ[MARIADB])


@functools.cache
def database_of_this_process() -> str:
    """The name of a database; its ledger's database is named after it."""
    name = f"merzim_maria_{uuid.uuid4().hex[:12]}"
    atexit.register(_on_server, f"DROP DATABASE IF EXISTS {name}", f"DROP DATABASE IF EXISTS {name}_ledger")
    return name


def empty_mariadb() -> str:
    """The URL of this process's database, made anew. A ledger beside it stays, emptied: making one takes seconds."""
    name = database_of_this_process()
    _on_server(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    _empty_ledger(f"{name}_ledger")
    return mariadb_url().set(database=name).render_as_string(hide_password=False)


def forget_ledger() -> None:
    """For tests of the ledger's making."""
    _on_server(f"DROP DATABASE IF EXISTS {database_of_this_process()}_ledger")


def _empty_ledger(schema: str) -> None:
    engine = sa.create_engine(mariadb_url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = inspector.get_table_names(schema) if inspector.has_schema(schema) else []
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        for name in set(names) - {"alembic_version", "lock_row"}:
            if connection.exec_driver_sql(f"SELECT 1 FROM `{schema}`.`{name}` LIMIT 1").first() is not None:
                grown = name in ("entry", "seal", "decision")  # whose triggers refuse DELETE
                connection.exec_driver_sql(f"{'TRUNCATE' if grown else 'DELETE FROM'} `{schema}`.`{name}`")


def _on_server(*statements: str) -> None:
    engine = sa.create_engine(mariadb_url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)

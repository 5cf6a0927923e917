"""The MariaDB of the tests: that of MERZIM_TEST_MARIADB_URL, else the one at the usual local port.

And the MySQL: that of MERZIM_TEST_MYSQL_URL, else the one at port 3307, where it can stand beside a MariaDB. A newcomer
has none: tests that need one are then skipped, and the end of the run says so loudly.
"""

import atexit
import functools
import os
import uuid

import pytest
import sqlalchemy as sa

MARIADB, MYSQL = "MERZIM_TEST_MARIADB_URL", "MERZIM_TEST_MYSQL_URL"
USUAL_MARIADB = {MARIADB: "mysql+pymysql://root@127.0.0.1:3306/", MYSQL: "mysql+pymysql://root@127.0.0.1:3307/"}
NAMES = {"mysql": MARIADB, "real mysql": MYSQL}
"""What tests call the two: SQLAlchemy says mysql to both, and most tests mean MariaDB by it."""
ON_BOTH = tuple(NAMES)


def server_url(server: str = "mysql") -> sa.URL:
    """The server; a test that needs MariaDB and finds none does not pass, one that needs MySQL is skipped."""
    setting = NAMES[server]
    if setting not in os.environ:
        name = "MariaDB" if setting == MARIADB else "MySQL"
        said = f"No {name} answers at {USUAL_MARIADB[setting]}, and {setting} names none: this was NOT RUN."
        (pytest.fail if setting == MARIADB else pytest.skip)(said)
    return sa.make_url(os.environ[setting])


def mariadb_url() -> sa.URL:
    """The MariaDB."""
    return server_url()


@functools.cache
def database_of_this_process(server: str = "mysql") -> str:
    """The name of a database; its ledger's database is named after it."""
    name = f"merzim_maria_{uuid.uuid4().hex[:12]}"
    atexit.register(_on_server, server, f"DROP DATABASE IF EXISTS {name}", f"DROP DATABASE IF EXISTS {name}_ledger")
    return name


def empty_mariadb(server: str = "mysql") -> str:
    """The URL of this process's database, made anew. A ledger beside it stays, emptied: making one takes seconds."""
    url, name = server_url(server), database_of_this_process(server)
    _on_server(server, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    _empty_ledger(server, f"{name}_ledger")
    return url.set(database=name).render_as_string(hide_password=False)


def forget_ledger(server: str = "mysql") -> None:
    """For tests of the ledger's making."""
    _on_server(server, f"DROP DATABASE IF EXISTS {database_of_this_process(server)}_ledger")


def _empty_ledger(server: str, schema: str) -> None:
    engine = sa.create_engine(server_url(server), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        names = inspector.get_table_names(schema) if inspector.has_schema(schema) else []
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        for name in set(names) - {"alembic_version", "lock_row"}:
            if connection.exec_driver_sql(f"SELECT 1 FROM `{schema}`.`{name}` LIMIT 1").first() is not None:
                grown = name in ("entry", "seal", "decision")  # whose triggers refuse DELETE
                connection.exec_driver_sql(f"{'TRUNCATE' if grown else 'DELETE FROM'} `{schema}`.`{name}`")


def _on_server(server: str, *statements: str) -> None:
    engine = sa.create_engine(server_url(server), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)

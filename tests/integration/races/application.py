"""The operator's own application: sessions of its own beside merzim's, which would rather be refused than wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from tests.integration.races.circle import COLUMNS, Circle, World
from tests.integration.small_operator import Operator
from worker.databases.base import Database
from worker.databases.connect import open_database
from worker.office.holding import place_hold

IMPATIENT = {
    "postgresql": "SET lock_timeout = '30ms'",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 0",
    "sqlite": "PRAGMA busy_timeout = 0",
}


def _impatient(dialect: str, driver: Any) -> str:
    """MySQL takes no less than a second."""
    said = IMPATIENT[dialect]
    return said.replace("= 0", "= 1") if dialect == "mysql" and "MariaDB" not in driver.get_server_info() else said


class MustWait(Exception):
    """Somebody else has the lock."""


class Application:
    """Writes by key, each time in a transaction of its own."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.dialect = operator.dialect
        url = sa.make_url(operator.url)
        self.engine = sa.create_engine(url.set(drivername="postgresql+psycopg") if "postgres" in operator.url else url)
        if self.dialect == "mysql":
            self.engine = sa.create_engine(url.update_query_dict({"charset": "utf8mb4"}))
        sa.event.listen(self.engine, "connect", self._be_impatient)
        database = open_database(operator.url, operator.tools.ledger.schema or "")
        sa.event.listen(database.engine, "connect", self._be_impatient)
        self.tools = replace(operator.tools, database=_Impatient(database))

    def write(self, *statements: str) -> int:
        """Run the statements in one transaction; how many rows the last one changed. Raises MustWait."""
        with _or_wait(), self.engine.begin() as connection:
            return [connection.exec_driver_sql(statement).rowcount for statement in statements][-1]

    def hold(self, person: int) -> int:
        """`hold place`. Raises MustWait."""
        with _or_wait():
            place_hold(self.tools, self.operator.policy, "person", None, str(person), "court", "lawyer", None)
            return 1

    def world(self, circle: Circle) -> World:
        """Everything of a circle that is committed."""
        found: World = {}
        words = "CHAR" if self.dialect == "mysql" else "TEXT"
        with self.engine.connect() as connection:
            for table, columns in COLUMNS.items():
                first, last = circle.bounds(table)
                listed = ", ".join(f"CAST({c} AS {words})" for c in columns)
                query = f"SELECT {listed} FROM {table} WHERE id BETWEEN {first} AND {last}"
                for row in connection.exec_driver_sql(query):
                    found[table, int(row[0])] = dict(zip(columns, row, strict=True))
        return found

    def close(self) -> None:
        """End all sessions."""
        self.engine.dispose()
        self.tools.database.engine.dispose()

    def _be_impatient(self, driver: Any, record: object) -> None:
        cursor = driver.cursor()
        cursor.execute(_impatient(self.dialect, driver))
        driver.commit()


@contextmanager
def _or_wait() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) == "55P03" or "1205" in str(error.orig) or "locked" in str(error.orig):
            raise MustWait from error
        raise


class _Impatient:
    """merzim's own way to the database, without its patience."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def writing(self, lock_seconds: float | None = None) -> Iterator[sa.Connection]:
        """See `base.Database.writing`."""
        with self._database.writing(0.03) as connection:
            if connection.dialect.name == "mysql":
                connection.exec_driver_sql(_impatient("mysql", connection.connection.driver_connection))
            yield connection

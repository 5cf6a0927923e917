"""Makes the tables of the invented operator: plain DDL beside this file, one file per kind of server."""

from pathlib import Path

import sqlalchemy as sa

from config.catalogue import text
from worker.demo.rows import TABLES


class DemoError(Exception):
    """The demonstration cannot be made here; the sentence says why and what to do."""


def make_schema(engine: sa.Engine) -> None:
    """Create the operator's tables, indexes and audit trigger; DemoError if the database has one of them."""
    present = sorted(set(sa.inspect(engine).get_table_names()) & set(TABLES.values()))
    if present:
        raise DemoError(text("demo_refuses.table", table=present[0]))
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        # Whole scripts, trigger bodies included: only the drivers themselves take several statements at once.
        if engine.dialect.name == "sqlite":
            driver.executescript(_ddl("sqlite"))
        elif engine.dialect.name == "postgresql":
            driver.execute(_ddl("postgresql"))
        elif engine.dialect.name == "mysql":
            cursor = driver.cursor()
            for statement in _ddl("mysql").split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        else:
            raise DemoError(text("demo_refuses.database", name=engine.dialect.name))


def _ddl(dialect: str) -> str:
    return (Path(__file__).parent / f"schema_{dialect}.sql").read_text(encoding="utf-8")

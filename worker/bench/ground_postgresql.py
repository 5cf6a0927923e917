"""PostgreSQL: every turn is a copy of the template database."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from worker.bench.ground import engine_of, execute, new_name, own_only, shown, value
from worker.bench.rows import TABLES

BY_FILES = 150_000  # from PostgreSQL 15 on a database is copied through the log, unless one asks for files


class PostgreSQLGround:
    """See Ground."""

    dialect = "postgresql"
    workers_at_once = 64

    def __init__(self, url: sa.URL) -> None:
        self._server = url.set(drivername="postgresql+psycopg")
        self._name = new_name()
        self._template, self._turn = self._name + "_template", self._name

    def template(self) -> str:
        """See Ground."""
        self._run(f"CREATE DATABASE {self._template}")
        return shown(self._server.set(database=self._template))

    def fresh(self) -> str:
        """See Ground. The checkpoint is nobody's work: without it some turn would pay for all before."""
        way = "STRATEGY FILE_COPY" if int(self._value("SHOW server_version_num")) >= BY_FILES else ""
        self._run(f"DROP DATABASE IF EXISTS {self._turn} WITH (FORCE)")
        self._run(f"CREATE DATABASE {self._turn} TEMPLATE {self._template} {way}")
        url = self._server.set(database=self._turn)
        own_only(url)
        with engine_of(url) as engine:
            execute(engine, *(f"SELECT count(*) FROM {table}" for table in TABLES))
        try:
            self._run("CHECKPOINT")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "42501":  # it takes a right of its own
                raise
        return shown(url)

    def has_ledger(self) -> bool:
        """See Ground."""
        return True

    def log_bytes(self) -> int | None:
        """See Ground."""
        return int(self._value("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"))

    def drop(self) -> None:
        """See Ground."""
        for name in (self._turn, self._template):
            self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        with engine_of(self._server) as engine:
            execute(engine, statement)

    def _value(self, query: str) -> Any:
        with engine_of(self._server) as engine:
            return value(engine, query)

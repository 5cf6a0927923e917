"""MariaDB: every turn's tables are filled from those of the template database. The ledger is made anew."""

import sqlalchemy as sa

from worker.bench.ground import engine_of, execute, new_name, own_only, shown, value
from worker.bench.rows import INDEXES, TABLES, schema
from worker.bench.sql import MariaDBSql


class MariaDBGround:
    """See Ground."""

    dialect = "mysql"
    workers_at_once = 64

    def __init__(self, url: sa.URL) -> None:
        self._server = url.set(drivername="mysql+pymysql").update_query_dict({"charset": "utf8mb4"})
        self._name = new_name()
        self._template, self._turn = self._name + "_template", self._name

    def template(self) -> str:
        """See Ground."""
        self._run(f"CREATE DATABASE {self._template} CHARACTER SET utf8mb4")
        return shown(self._server.set(database=self._template))

    def fresh(self) -> str:
        """See Ground."""
        self._run(
            f"DROP DATABASE IF EXISTS {self._turn}",
            f"DROP DATABASE IF EXISTS {self._turn}_ledger",
            f"CREATE DATABASE {self._turn} CHARACTER SET utf8mb4",
        )
        url = self._server.set(database=self._turn)
        own_only(url)
        copied = [f"INSERT INTO {table} SELECT * FROM {self._template}.{table} ORDER BY id" for table in TABLES]
        sql = MariaDBSql()
        with engine_of(url) as engine:
            execute(engine, "SET foreign_key_checks = 0", *schema(sql), *copied, *INDEXES, *sql.settled(TABLES))
        return shown(url)

    def has_ledger(self) -> bool:
        """See Ground."""
        return False

    def log_bytes(self) -> int | None:
        """See Ground."""
        with engine_of(self._server) as engine:
            return int(value(engine, "SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'"))

    def drop(self) -> None:
        """See Ground."""
        names = (self._turn, self._template)
        self._run(*(f"DROP DATABASE IF EXISTS {name}{end}" for name in names for end in ("", "_ledger")))

    def _run(self, *statements: str) -> None:
        with engine_of(self._server) as engine:
            execute(engine, *statements)

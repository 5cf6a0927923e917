"""From a URL to the ground of a bench."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from config.catalogue import text
from worker.bench.errors import BenchError
from worker.bench.ground import Ground
from worker.bench.ground_mariadb import MariaDBGround
from worker.bench.ground_postgresql import PostgreSQLGround
from worker.bench.ground_sqlite import SQLiteGround


def ground_at(url: str | None, folder: Path) -> Ground:
    """The server of a URL, whose own database is only where one connects; without one, SQLite in the folder."""
    if url is None:
        return SQLiteGround(folder)
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise BenchError(text("bench_refuses.url")) from None
    match parsed.get_backend_name():
        case "postgresql":
            return PostgreSQLGround(parsed)
        case "mysql" | "mariadb":
            return MariaDBGround(parsed)
        case "sqlite":
            return SQLiteGround(Path(parsed.database or folder / "x").absolute().parent)
        case other:
            raise BenchError(text("bench_refuses.database", name=repr(other)))

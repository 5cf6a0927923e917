"""SQLite: every turn is a copy of the template's file."""

from pathlib import Path
from shutil import copyfile

import sqlalchemy as sa

from worker.bench.ground import new_name, own_only, shown


class SQLiteGround:
    """See Ground. The files lie in a folder that exists."""

    dialect = "sqlite"
    workers_at_once = 1

    def __init__(self, folder: Path) -> None:
        name = new_name()
        self._template, self._turn = folder / f"{name}_template.db", folder / f"{name}.db"

    def template(self) -> str:
        """See Ground."""
        return _url(self._template)

    def fresh(self) -> str:
        """See Ground."""
        copyfile(self._template, self._turn)
        return _url(self._turn)

    def has_ledger(self) -> bool:
        """See Ground."""
        return True

    def log_bytes(self) -> int | None:
        """See Ground."""
        return None

    def drop(self) -> None:
        """See Ground."""
        for file in (self._template, self._turn):
            for end in ("", "-journal", "-wal", "-shm"):
                file.with_name(file.name + end).unlink(missing_ok=True)


def _url(file: Path) -> str:
    url = sa.URL.create("sqlite", database=str(file))
    own_only(url)
    return shown(url)

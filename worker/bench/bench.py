"""A bench: rows in a template, and turns on copies of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from worker.bench.beside import Keys, fingerprint, found_ledger, write_settings
from worker.bench.cases import Case
from worker.bench.ground import Ground, engine_of, execute, own_only
from worker.bench.limit import in_batches, limit
from worker.bench.rows import INDEXES, TABLES, Size, fill, schema
from worker.bench.sql import sql_of
from worker.bench.workers import night_of


@dataclass
class Bench:
    """Where is measured, and what. `tell` is told what happens now."""

    ground: Ground
    folder: Path
    size: Size
    tell: Callable[[str, dict[str, str]], None]
    keys: Keys = field(default_factory=Keys.made)
    turns: int = 0
    template: str = ""

    @contextmanager
    def opened(self) -> Iterator["Bench"]:
        """With the rows; everything is gone afterwards, however it ends."""
        try:
            self.tell("filling", {})
            self.template = self.ground.template()
            make_rows(self.template, self.size)
            yield self
        finally:
            self.tell("dropping", {})
            self.ground.drop()

    def approved(self, case: Case) -> str:
        """The template's ledger, and the fingerprint of the case's plan on it."""
        env_file = self._settings(self.template, case)
        if self.turns == 1:
            found_ledger(env_file, self.size)
        return fingerprint(env_file, self.size.now)

    def _settings(self, url: str, case: Case) -> Path:
        self.turns += 1
        return write_settings(self.folder / f"turn{self.turns}", url, case.policy, self.keys)

    def installed(self, case: Case) -> tuple[str, Path]:
        """Fresh data with merzim beside them: their URL, and the env file."""
        url = self.ground.fresh()
        env_file = self._settings(url, case)
        if not self.ground.has_ledger():
            found_ledger(env_file, self.size)
        return url, env_file

    def night(self, case: Case, approve: str, workers: int, profile: bool = False) -> dict[str, Any]:
        """One night on fresh data."""
        _, env_file = self.installed(case)
        return self._logged(lambda: night_of(env_file, self.size.now, approve, workers, profile))

    def limit(self, case: Case, connections: int) -> dict[str, Any]:
        """One turn of the statement on fresh data."""
        url = self.ground.fresh()
        return self._logged(lambda: _told(*limit(url, case, self.size, connections)))

    def batches(self, case: Case) -> dict[str, Any]:
        """The same in batches, over one connection."""
        url = self.ground.fresh()
        return self._logged(lambda: _told(*in_batches(url, case, self.size)))

    def _logged(self, turn: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What a turn says, with what the server has written to its log meanwhile."""
        before = self.ground.log_bytes()
        said = turn()
        after = self.ground.log_bytes()
        return said | {"log_bytes": None if before is None or after is None else after - before}


def _told(rows: int, seconds: float) -> dict[str, Any]:
    return {"rows": rows, "seconds": seconds}


def make_rows(url: str, size: Size) -> None:
    """Tables, rows, indexes and statistics, by the server itself."""
    own_only(sa.make_url(url))
    sql = sql_of(url)
    with engine_of(url) as engine:
        execute(engine, *schema(sql), *fill(sql, size), *INDEXES, *sql.settled(TABLES))


def rate(turns: list[dict[str, Any]], planning: bool = True) -> int:
    """Rows a second, the median of the turns."""
    spent = [turn["seconds"] - (0 if planning else turn["planned_seconds"]) for turn in turns]
    rates: list[float] = [turn["rows"] / max(0.001, s) for turn, s in zip(turns, spent, strict=True)]
    return round(median(rates))

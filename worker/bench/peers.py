"""`bench peers`: pt-archiver, the usual tool for such work on MariaDB, on the same rows in the same run."""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.archive.keys import write_secret
from worker.bench.bench import Bench, rate
from worker.bench.cases import CASES
from worker.bench.errors import BenchError
from worker.bench.ground import engine_of, own_only, value
from worker.bench.rows import Size, due
from worker.bench.sql import sql_of

CASE = CASES["delete"]
FASTEST = (
    *("--bulk-delete", "--limit", "1000", "--commit-each", "--buffer"),
    *("--no-check-charset", "--no-version-check", "--no-safe-auto-increment"),
)
"""Of the options that lose no row: many rows a statement, one commit for them, the file flushed before it."""


def installed() -> bool:
    """Whether pt-archiver is here."""
    return shutil.which("pt-archiver") is not None


def measure_peers(bench: Bench, repeat: int) -> dict[str, Any]:
    """Rows a second of each, the median of the turns after a warm-up."""
    approve = bench.approved(CASE)
    turns: dict[str, list[dict[str, Any]]] = {"pt_archiver": [], "limit": [], "night": []}
    for number in range(repeat + 1):
        bench.tell("peers", {"number": str(number), "repeat": str(repeat)})
        found = {
            "pt_archiver": _by_pt_archiver(bench, number),
            "limit": bench.limit(CASE, 1),
            "night": bench.night(CASE, approve, 1),
        }
        for name, turn in found.items() if number else ():
            turns[name].append(turn)
    rates = {name: rate(each) for name, each in turns.items()}
    beside = max(1, rates["pt_archiver"])
    ratios = {name: round(rates[name] / beside, 2) for name in ("limit", "night")}
    return {"rows_per_second": rates, "times_pt_archiver": ratios, "options": list(FASTEST)}


def _by_pt_archiver(bench: Bench, number: int) -> dict[str, Any]:
    """One turn on fresh data: rows written to a file, and deleted."""
    url = sa.make_url(bench.ground.fresh())
    own_only(url)
    with engine_of(url) as engine:
        before = value(engine, "SELECT count(*) FROM messages")
    file = bench.folder / f"archived{number}.txt"
    command = ["pt-archiver", "--source", _source(bench.folder, url), "--where", _where(bench.size, url)]
    command += ["--file", str(file), *FASTEST]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - pt-archiver, with names of ours
    seconds = time.perf_counter() - begun
    file.unlink(missing_ok=True)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or [str(done.returncode)])[-1]
        raise BenchError(text("bench_refuses.process_failed", reason=said))
    with engine_of(url) as engine:
        return {"rows": before - value(engine, "SELECT count(*) FROM messages"), "seconds": seconds}


def _where(size: Size, url: sa.URL) -> str:
    """The messages of those who are due."""
    condition = due(sql_of(url), size)
    return " ".join(f"person_id IN (SELECT people.id FROM people WHERE {condition})".split())


def _source(folder: Path, url: sa.URL) -> str:
    """Where the rows are; the password in a file, since everybody may read the arguments of a process."""
    parts = {"h": url.host or "localhost", "P": url.port or 3306, "u": url.username, "D": url.database, "t": "messages"}
    if url.password:
        options = folder / "client.cnf"
        if not options.exists():
            write_secret(options, f"[client]\npassword={url.password}\n".encode())
        parts["F"] = str(options)
    return ",".join(f"{name}={part}" for name, part in parts.items() if part is not None)

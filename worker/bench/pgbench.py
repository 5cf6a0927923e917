"""pgbench as the operator's own application: it takes less of the machine than a program in Python would."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.bench.errors import BenchError
from worker.bench.figures import latencies_in_short
from worker.bench.ground import own_only, shown

READ = "\\set key random(1, {people})\nSELECT email, note FROM people WHERE id = :key;\n"
UPDATE = "\\set key random(1, {people})\nUPDATE people SET note = 'seen' WHERE id = :key;\n"
LONGER_THAN_ANY_NIGHT = 86_400
BUFFER_SECONDS = 1.5  # until its log stands in the file
LATENCY, SECOND, MICROSECOND, COLUMNS = 2, 4, 5, 7
"""Of a line of its log. The latency counts from the moment that the schedule names."""


def program() -> str | None:
    """Where it is installed."""
    return shutil.which("pgbench")


def visits_beside(
    work: Callable[[], Any], url: str, folder: Path, people: int, rate: int, clients: int
) -> dict[str, Any]:
    """What the visitors measure while the work is done."""
    for name, script in (("read", READ), ("update", UPDATE)):
        (folder / f"{name}.sql").write_text(script.format(people=people), "utf-8")
    with _visiting(url, folder, rate, clients) as process:
        _wait_for_log(folder, process)
        begun = time.time()
        work()
        ended = time.time()
        time.sleep(BUFFER_SECONDS)
        aborted = process.poll() is not None
    assert process.stderr is not None
    errors = process.stderr.read().count("aborted")
    if aborted and not errors:
        raise BenchError(text("bench_refuses.process_failed", reason="pgbench"))
    return {**latencies_in_short(list(_latencies(folder, begun, ended))), "errors": errors}


def _latencies(folder: Path, begun: float, ended: float) -> Iterator[float]:
    """Of the visits that were scheduled in between, in milliseconds."""
    for line in _lines(folder):
        if len(line) == COLUMNS:
            latency, done = int(line[LATENCY]) / 1e6, int(line[SECOND]) + int(line[MICROSECOND]) / 1e6
            if begun <= done - latency <= ended:
                yield latency * 1000


def _lines(folder: Path) -> list[list[str]]:
    return [line.split() for log in folder.glob("visits*") for line in log.read_text("ascii").splitlines()]


def _wait_for_log(folder: Path, process: "subprocess.Popen[str]") -> None:
    """Until it is under way."""
    while process.poll() is None and not _lines(folder):
        time.sleep(0.05)


@contextmanager
def _visiting(url: str, folder: Path, rate: int, clients: int) -> Iterator[subprocess.Popen[str]]:
    """Ended by SIGTERM: what it has measured stands in its logs by then, but for the last few lines."""
    parsed = sa.make_url(url)
    own_only(parsed)
    where = shown(parsed.set(drivername="postgresql", password=None))
    for log in folder.glob("visits*"):
        log.unlink()
    command = [program() or "pgbench", "-n", "-c", str(clients), "-j", "2", "-R", str(rate)]
    command += ["-T", str(LONGER_THAN_ANY_NIGHT), "-l", f"--log-prefix={folder / 'visits'}"]
    command += ["-f", str(folder / "read.sql"), "-f", str(folder / "update.sql"), where]
    secret = {"PGPASSWORD": parsed.password} if parsed.password else {}
    process = subprocess.Popen(  # noqa: S603 - pgbench, with names of ours
        command, env=os.environ | secret, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()

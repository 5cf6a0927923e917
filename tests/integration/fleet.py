"""Real beat and worker processes for the tests of the queue, on a club's PostgreSQL and a Redis of the test's own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from tests.integration.broker import Broker
from tests.integration.night_support import Club, open_club

CELERY = str(Path(sys.executable).with_name("celery"))
ZONE = ZoneInfo("Asia/Almaty")
Process: TypeAlias = "subprocess.Popen[bytes]"


@dataclass
class Fleet:
    """A club with merzim's processes. Every process has a log of its own in `folder`."""

    club: Club
    broker: Broker
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def settle(self, **settings: str) -> "Fleet":
        """Write the settings of the processes that are started from now on."""
        self.settings = {
            "BROKER_URL": self.broker.url,
            "REPORTS": "reports",
            "PULSE": "pulse",
            "SWEEP_SECONDS": "1",
            "LOCK_TARGET_MS": "1",
            "WINDOW": window(-30, 180),
            **settings,
        }
        path = self.club.env_file(self.folder)
        lines = "".join(f"MERZIM_{name}='{value}'\n" for name, value in self.settings.items())
        path.write_text(path.read_text("utf-8") + lines, "utf-8")
        return self

    def worker(self, name: str = "one") -> Process:
        """A worker of two processes: Celery's own and the one that works."""
        options = ["--concurrency", "1", "--without-gossip", "--without-mingle", "-n", f"{name}@%h"]
        return self._start(f"worker-{name}", ["worker", *options])

    def beat(self, name: str = "one") -> Process:
        """A beat."""
        return self._start(f"beat-{name}", ["beat", "--pidfile="])

    def _start(self, name: str, arguments: list[str]) -> Process:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MERZIM_")}
        environment["MERZIM_ENV_FILE"] = str(self.folder / "merzim.env")
        command = [CELERY, "-A", "worker.celery_app", *arguments, "--loglevel", "INFO"]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """kill -9 of the process and all its children."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """End everything."""
        for process in self.processes:
            self.kill(process)

    def said(self, name: str = "") -> list[dict[str, Any]]:
        """What was logged as JSON by the processes whose names begin so."""
        lines = [line for log in self.folder.glob(f"{name}*.log") for line in log.read_text("utf-8").splitlines()]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, event: str, name: str = "") -> list[dict[str, Any]]:
        """Those of them that are this event."""
        return [line for line in self.said(name) if line["event"] == event]

    def nights(self) -> list[tuple[str, str]]:
        """(id, state) of every night that the ledger knows."""
        with self.club.session() as session:
            query = "SELECT id, state FROM merzim.run WHERE kind = 'night' ORDER BY started_at"
            return [(str(r[0]), str(r[1])) for r in session.execute(query)]

    def state(self) -> str | None:
        """The state of the newest night."""
        nights = self.nights()
        return nights[-1][1] if nights else None


@contextmanager
def open_fleet(folder: Path, people: range) -> Iterator[Fleet]:
    """A club of people who are all due, a running Redis, and no process yet."""
    with open_club(folder) as club:
        club.add_many(people)
        broker = Broker(folder).start()
        fleet = Fleet(club, broker, folder).settle()
        try:
            yield fleet
        finally:
            fleet.end()
            broker.stop()


def window(first: int, last: int) -> str:
    """A window that opens and ends so many minutes from now."""
    opens, ends = (datetime.now(ZONE) + timedelta(minutes=m) for m in (first, last))
    return f"{opens:%H:%M}-{ends:%H:%M}"

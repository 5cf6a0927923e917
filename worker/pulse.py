"""Signs of life, for `merzim status` and health checks: of a worker in the ledger and a file, of beat in a file."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import signals
from celery.beat import Scheduler
from sqlalchemy.exc import SQLAlchemyError

from config.settings import Settings
from worker import logs
from worker.bootstrap import Installation
from worker.ledger.presence import seen
from worker.logs import log
from worker.pipeline.tools import utc_now

SECONDS = 15.0
WORKER, BEAT = "worker", "beat"


class Pulse(threading.Thread):
    """Says every SECONDS that the worker is there, as long as its event loop is: that sends Celery's heartbeats.
    `always`: the loop and the tasks share one thread, so a long task must not look like death."""

    def __init__(self, installation: Callable[[], Installation], name: str, always: bool) -> None:
        super().__init__(name="pulse", daemon=True)
        self.installation, self.worker, self.always = installation, name, always
        self.beaten = time.monotonic()
        signals.heartbeat_sent.connect(self._beaten, weak=False)

    def run(self) -> None:
        """Until the process ends."""
        while True:
            if self.always or time.monotonic() - self.beaten < 2 * SECONDS:
                self._say()
            time.sleep(SECONDS)

    def _beaten(self, **_: Any) -> None:
        self.beaten = time.monotonic()

    def _say(self) -> None:
        installation = self.installation()
        leave_sign(installation.settings.pulse, WORKER)
        try:
            with installation.tools.database.writing() as connection:
                seen(connection, installation.tools.ledger, self.worker, utc_now())
        except SQLAlchemyError as error:
            log.warning("no sign of life in the ledger", **logs.of_error(error))


class PulsingScheduler(Scheduler):  # type: ignore[misc]  # Celery ships no types
    """Celery's scheduler, which keeps no file: what was missed while beat was away is found by the sweep. At every look
    at its schedule it leaves a sign of life."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.folder = self.app.conf.get("merzim_pulse")

    def tick(self, *arguments: Any, **named: Any) -> float:
        """See Celery's Scheduler.tick."""
        leave_sign(self.folder, BEAT)
        return float(super().tick(*arguments, **named))


def leave_sign(folder: Path | None, name: str) -> None:
    """Touch the file of this name in the pulse folder, if one is set. A disk that is full ends nobody's work."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    except OSError as error:
        log.warning("no sign of life on the disk", **logs.of_error(error))


def is_alive(settings: Settings, name: str) -> bool:
    """Whether the worker or beat of this machine left a sign of life lately."""
    assert settings.pulse is not None
    try:
        return time.time() - (settings.pulse / name).stat().st_mtime < 4 * SECONDS
    except OSError:
        return False

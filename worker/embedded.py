"""Beat and worker in one process, on threads: for SQLite, and wherever nobody wants to run a broker.

The same tasks as everywhere. Without MERZIM_BROKER_URL the messages stay in this process: they are only hints, so
nothing is lost with them.
"""

import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from celery.beat import EmbeddedService
from celery.exceptions import SecurityWarning
from celery.worker import state

from worker.celery_app import app, hint, process
from worker.pulse import PulsingScheduler

LOOK_SECONDS = 0.5


def serve(env_file: Path | None) -> None:
    """Work until SIGTERM or Ctrl-C: the present slice is ended first."""
    process.env_file, process.embedded = env_file, True
    beat = EmbeddedService(app, thread=True, scheduler_cls=PulsingScheduler)
    beat.start()
    _work("INFO")


def work_off(env_file: Path | None, run_id: str, is_open: Callable[[], bool]) -> None:
    """Work on one run until it is not open any more; no beat, and only warnings in the log."""
    process.env_file, process.embedded = env_file, True

    def look() -> None:
        try:
            while is_open():
                hint(run_id, 1)  # again and again, as the sweep does where beat sends it
                time.sleep(LOOK_SECONDS)
        finally:
            state.should_stop = 0

    threading.Thread(target=look, daemon=True).start()
    _work("WARNING")


def _work(loglevel: str) -> None:
    # Celery fears code in messages, which only pickle could bring: this app reads nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    quiet = {"without_gossip": True, "without_mingle": True, "quiet": True}
    app.Worker(pool="solo", concurrency=1, loglevel=loglevel, **quiet).start()

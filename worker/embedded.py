"""Beat and worker in one process, on threads: for SQLite, and wherever nobody wants to run a broker.

The same tasks as everywhere. Without MERZIM_BROKER_URL the messages stay in this process: they are only hints, so
nothing is lost with them.
"""

import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from celery.beat import EmbeddedService
from celery.exceptions import SecurityWarning
from celery.worker import state

from worker.celery_app import app, process, send


def serve(env_file: Path | None) -> None:
    """Work until SIGTERM or Ctrl-C: the present slice is ended first."""
    process.env_file, process.embedded = env_file, True
    beat = EmbeddedService(app, thread=True)
    beat.start()
    _work("INFO")


def work_off(env_file: Path | None, run_id: str, wait: Callable[[], None]) -> None:
    """Work on one run until `wait` returns, which looks for the run's end; no beat, and only warnings in the log."""
    process.env_file, process.embedded = env_file, True

    def stop_afterwards() -> None:
        try:
            wait()
        finally:
            state.should_stop = 0

    send("merzim.batch", run_id)
    threading.Thread(target=stop_afterwards, daemon=True).start()
    _work("WARNING")


def _work(loglevel: str) -> None:
    # Celery fears code in messages, which only pickle could bring: this app reads nothing but JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    quiet = {"without_gossip": True, "without_mingle": True, "quiet": True}
    app.Worker(pool="solo", concurrency=1, loglevel=loglevel, **quiet).start()

"""Celery itself: the app, beat's schedule, and hints.

Hints, not work lists: a message says "run R has work" and holds nothing else. What there is to do, what is done and who
has it in hand stands in the ledger, so messages may be lost, doubled, late or forged. Nothing here decides anything.

Settings are read when a process first needs them, never at import.
"""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, signals
from celery.schedules import crontab
from kombu.exceptions import ChannelError, OperationalError

from config.catalogue import text
from config.settings import Settings
from worker import logs
from worker.bootstrap import Installation, install
from worker.logs import log
from worker.pipeline.tools import Refused
from worker.pulse import Pulse
from worker.telling import foreseen

ENV_FILE = "MERZIM_ENV_FILE"
QUEUE = "merzim"
HINTS = 8  # messages that may wait at once: more would tell nobody more
EMBEDDED = "memory://localhost//"


@dataclass
class Process:
    """What this process was started with: its env file, and whether it is beat and worker in one, with no broker."""

    env_file: Path | None = None
    embedded: bool = False


process = Process()
stopping = multiprocessing.Event()  # made before the pool forks: every process of a worker sees it
app = Celery(
    "merzim",
    include=["tasks.nightly", "tasks.batch", "tasks.sweep", "tasks.report"],
    fixups=[],
    set_as_current=True,
)


@cache
def installation() -> Installation:
    """The installation that this process works for."""
    return install(process.env_file or _env_file())


def _env_file() -> Path | None:
    return Path(os.environ[ENV_FILE]) if os.environ.get(ENV_FILE) else None


def _configuration() -> dict[str, Any]:
    settings = Settings.load(process.env_file or _env_file())
    if not process.embedded:
        settings.require("broker_url")
    url = settings.broker_url or EMBEDDED
    start, hours = settings.window.start, settings.window
    seconds = (hours.end.hour - start.hour) * 3600 + (hours.end.minute - start.minute) * 60
    return {
        "broker_url": url,
        "broker_transport": "worker.transport:Transport" if url.startswith("redis") else None,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {} if settings.broker_url else {"polling_interval": 0.05},
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_publish_retry": False,  # whoever cannot send a hint need not wait: the sweep sends it again
        "worker_prefetch_multiplier": 1,
        "worker_enable_remote_control": False,  # whoever can write to the broker could shut workers down by it
        "worker_soft_shutdown_timeout": 10.0,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "timezone": settings.timezone.key,
        "beat_scheduler": "worker.pulse:PulsingScheduler",
        "beat_max_loop_interval": 10,
        "merzim_pulse": settings.pulse,
        "beat_schedule": {
            "nightly": {
                "task": "merzim.nightly",
                "schedule": crontab(minute=str(start.minute), hour=str(start.hour)),
                "options": {"expires": seconds % 86_400 or 86_400},
            },
            "sweep": {
                "task": "merzim.sweep",
                "schedule": float(settings.sweep_seconds),
                "options": {"expires": float(settings.sweep_seconds)},
            },
        },
    }


app.add_defaults(_configuration)


def task(name: str) -> Callable[[Callable[..., None]], Any]:
    """Register a task that never raises: a message that cannot be carried out ends in a line of the log. An exception
    would be logged by Celery with its text, which may quote a row; and nothing waits for a result."""

    def register(body: Callable[..., None]) -> Any:
        expected = body.__code__.co_argcount

        @wraps(body)
        def told(*arguments: Any, **named: Any) -> None:
            with structlog.contextvars.bound_contextvars(task=name):
                if named or len(arguments) != expected or not all(isinstance(a, str) for a in arguments):
                    log.warning("malformed message dropped")
                else:
                    attempt(body, *arguments)

        return app.task(name=name, typing=False)(told)

    return register


def attempt(body: Callable[..., object], *arguments: Any) -> None:
    """Carry out one part of a task; what goes wrong is logged, and the other parts go on."""
    try:
        body(*arguments)
    except Refused as refused:
        log.warning("refused", said=str(refused))
    except Exception as error:
        log.error("failed", said=foreseen(error) or [text("program.mistake")], **logs.of_error(error))


def send(name: str, *ids: str) -> bool:
    """Send a message; whether it went. A broker that is away is no reason to fail: the sweep looks again."""
    try:
        app.send_task(name, args=ids, queue=QUEUE)
    except (OperationalError, OSError) as error:
        log.warning("message not sent", message=name, **logs.of_error(error))
        return False
    return True


def hint(run_id: str, free: int) -> bool:
    """See that messages wait for the free batches of a run, but never more than HINTS; whether the broker took them."""
    known = waiting()
    return known is not None and all(send("merzim.batch", run_id) for _ in range(min(free, HINTS) - known))


def waiting() -> int | None:
    """How many messages wait in the queue; None when the broker does not answer."""
    connection = app.connection_for_write(connect_timeout=3)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, timeout=3)
            return int(connection.default_channel.queue_declare(QUEUE, passive=True).message_count)
    except ChannelError:
        return 0  # nobody has used the queue yet
    except (OperationalError, OSError, *connection.connection_errors):
        return None


def _log(loglevel: int | None = None, **_: Any) -> None:
    logs.configure(loglevel or 20)


def _stop(**_: Any) -> None:
    stopping.set()


def _forked(**_: Any) -> None:
    """A process of the pool has its own connections; the parent's are only forgotten, not closed."""
    if installation.cache_info().currsize:
        installation().tools.database.engine.dispose(close=False)


def _ready(sender: Any = None, **_: Any) -> None:
    """A worker is there: say so from now on, and look after what an earlier one left in this machine's spool."""
    Pulse(installation, str(getattr(sender, "hostname", "worker")), always=process.embedded).start()
    if not process.embedded:  # there beat, in the same process, sends it; and the demonstration wants no night
        send("merzim.sweep")


signals.setup_logging.connect(_log)
signals.worker_shutting_down.connect(_stop)
signals.worker_process_init.connect(_forked)
signals.worker_ready.connect(_ready)

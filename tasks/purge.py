"""Purges: begin what was approved, once its cancel window has passed, and say that it has work."""

from worker.celery_app import HINTS, hint, installation
from worker.logs import log
from worker.pipeline.purging import begin_waiting
from worker.pipeline.tools import Refused


def start_purges() -> None:
    """Each request goes its own way: that one is refused is no reason not to begin the next."""
    here = installation()
    for begun in begin_waiting(here.tools, here.policy()):
        if isinstance(begun, Refused):
            log.warning("purge refused", reason=str(begun))
        else:
            log.info("purge begun", run=begun.id)
            hint(begun.id, HINTS)

"""merzim.batch: a run has work. Take its next free batch, carry it out, and say whether more is left."""

from functools import lru_cache

from config.catalogue import text
from worker.celery_app import HINTS, hint, installation, send, stopping, task
from worker.ledger.batches import free_batches
from worker.ledger.runs import find_run
from worker.logs import log
from worker.pipeline.beginning import FOR_WORKERS
from worker.pipeline.halting import when_asked
from worker.pipeline.night import Outcome, carry_on, workplace
from worker.pipeline.sweep import sweep
from worker.pipeline.tools import Refused, require_ledger
from worker.pipeline.work import Workplace


@task("merzim.batch")
def batch(run_id: str) -> None:
    """One batch of the run. A run that is closed, or unknown, has none."""
    tools = installation().tools
    require_ledger(tools)
    outcome = carry_on(_place(run_id), one_batch=True)
    if outcome.closed:
        closed(outcome)
    if outcome.state != "open":
        return
    sweep(tools)  # the spool of this machine: no other machine can
    if not stopping.is_set():
        with tools.database.writing() as connection:
            free = free_batches(connection, tools.ledger, run_id, HINTS)
        hint(run_id, free)


@lru_cache(maxsize=1)
def _place(run_id: str) -> Workplace:
    """Made once for a run: reading its policy and the schema and making its queries takes longer than a slice."""
    tools = installation().tools
    with tools.database.reading() as connection:
        run = find_run(connection, tools.ledger, run_id)
    if run.kind not in FOR_WORKERS:
        raise Refused(text("enqueue.not_ours"))
    return workplace(tools, run, when_asked(stopping.is_set))


def closed(outcome: Outcome) -> None:
    """Say that a run is closed, and have its report made."""
    log.info("run closed", run=outcome.run_id, state=outcome.state, reason=outcome.reason)
    send("merzim.report", outcome.run_id)

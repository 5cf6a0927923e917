"""merzim.sweep, every minute: whatever a crash, a lost message or a broker that was away has left undone.

Each part goes its own way: that the store refuses is no reason not to close a run.
"""

from collections.abc import Iterator
from datetime import timedelta

from tasks.batch import closed
from tasks.nightly import start_night
from tasks.purge import start_purges
from worker.celery_app import HINTS, attempt, hint, installation, send, task
from worker.ledger.batches import free_batches
from worker.ledger.presence import SWEEP, seen
from worker.ledger.runs import Run, ended_since, open_runs
from worker.pipeline.beginning import FOR_WORKERS
from worker.pipeline.night import empty_waiting_outbox, tend
from worker.pipeline.sweep import sweep as sweep_spool
from worker.pipeline.tools import require_ledger, utc_now

REPORTED_FOR = timedelta(days=2)


@task("merzim.sweep")
def sweep() -> None:
    """Look after everything once."""
    here = installation()
    require_ledger(here.tools)
    attempt(sweep_spool, here.tools)
    attempt(_look_after_runs)
    attempt(start_purges)
    attempt(start_night)
    attempt(lambda: empty_waiting_outbox(here.tools, here.policy()))
    for run in _unreported():
        send("merzim.report", run.id)
    with here.tools.database.writing() as connection:
        seen(connection, here.tools.ledger, SWEEP, utc_now())


def _look_after_runs() -> None:
    here = installation()
    name = here.policy().name
    with here.tools.database.reading() as connection:
        runs = open_runs(connection, here.tools.ledger, name, FOR_WORKERS)
    for run in runs:
        attempt(_look_after, run)


def _look_after(run: Run) -> None:
    """Close a run that is over, or see that messages wait for what is left of it."""
    tools = installation().tools
    outcome = tend(tools, run)
    if outcome.closed:
        closed(outcome)
    if outcome.state != "open":
        return
    with tools.database.writing() as connection:
        free = free_batches(connection, tools.ledger, run.id, HINTS)
    hint(run.id, free)


def _unreported() -> Iterator[Run]:
    """Runs whose page is not in this machine's folder of reports: the message may have been lost."""
    here = installation()
    if here.settings.reports is None:
        return
    with here.tools.database.reading() as connection:
        ended = ended_since(connection, here.tools.ledger, utc_now() - REPORTED_FOR)
    yield from (run for run in ended if not (here.settings.reports / f"{run.id}.html").exists())

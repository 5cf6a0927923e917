"""merzim.nightly: make tonight's run, inside its window, once; then say that it has work."""

from datetime import UTC, datetime

from worker.celery_app import HINTS, hint, installation, task
from worker.logs import log
from worker.pipeline.beginning import tonight
from worker.pipeline.tools import require_ledger
from worker.plan.window import Hours


@task("merzim.nightly")
def nightly() -> None:
    """What beat sends. Sent twice, late or outside the window, it makes nothing."""
    start_night()


def start_night() -> None:
    """Tonight's run, if it is due and nobody has made it. Raises Refused when somebody must approve its plan."""
    here = installation()
    policy, now = here.policy(), datetime.now(UTC)
    require_ledger(here.tools)
    run = tonight(here.tools, policy, Hours.of(policy, here.tools.window), now)
    if run is not None:
        log.info("night begun", run=run.id, night=str(run.local_date))
        hint(run.id, HINTS)

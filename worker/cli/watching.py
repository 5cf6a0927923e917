"""Watching a run that workers carry out, from the ledger: whoever watches has no part in it."""

import time
from typing import Any

from config.catalogue import text
from worker.cli.output import CLEAN, progress, tell

LOOK_SECONDS = 1.0


def follow(tools: Any, run_id: str) -> None:
    """A line with how far the run is, until it is closed. Ctrl-C ends the watching, not the run."""
    try:
        while is_open(tools, run_id):
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        progress("")
        tell(text("watch.left"))
        raise SystemExit(CLEAN) from None
    finally:
        progress("")


def is_open(tools: Any, run_id: str) -> bool:
    """Whether the run is not closed yet; shows how far it is."""
    from worker.ledger.progress import run_progress

    with tools.database.reading() as connection:
        now = run_progress(connection, tools.ledger, run_id)
    if now.state == "open":
        progress(text("watch.line", done=now.done, units=now.units, slices=now.slices, stage=now.stage or ""))
    return now.state == "open"


def open_run(tools: Any, policy_name: str) -> str | None:
    """The run of the policy that is being carried out, the newest if there are several."""
    from worker.ledger.runs import open_runs

    with tools.database.reading() as connection:
        runs = open_runs(connection, tools.ledger, policy_name)
    return runs[-1].id if runs else None

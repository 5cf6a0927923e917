"""How a run ends: what went wrong is put into sentences, then it is closed and sealed in one transaction."""

import json

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import IllegalArrow
from worker.ledger.runs import Run, close_run
from worker.ledger.seal import seal_run
from worker.ledger.states import RunState
from worker.pipeline.tools import Refused, Tools, utc_now
from worker.pipeline.work import FAILED


def problems_of(tools: Tools, run: Run, files_waiting: int) -> list[str]:
    """What did not go as planned, as sentences."""
    table = tools.ledger.quarantine
    with tools.database.reading() as connection:
        failed = connection.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.run_id == run.id, table.c.reason.startswith(FAILED))
        ).scalar_one()
    plan = json.loads(run.plan)
    found = [text("run_reason.stage_stopped", stage=s, reason=why) for s, why in plan["stopped"].items()]
    found += [text("run_reason.unmentioned", sentence=sentence) for sentence in plan["unmentioned"]]
    if failed:
        found.append(text("run_reason.set_aside", n=failed, count=str(failed)))
    if files_waiting:
        found.append(text("run_reason.files", n=files_waiting, count=str(files_waiting)))
    return found


def end(tools: Tools, run_id: str, state: RunState, reason: str | None) -> bool:
    """Close and seal; False if another process that worked on the same run has done so."""
    try:
        with tools.database.writing() as connection:
            close(connection, tools, run_id, state, reason)
    except IllegalArrow:
        return False
    return True


def close(connection: sa.Connection, tools: Tools, run_id: str, state: RunState, reason: str | None) -> None:
    """Close and seal the run in the present transaction. Raises IllegalArrow if it is closed, Refused without a key."""
    if tools.sign is None:
        raise Refused(text("refuses.run_unsealed"))
    close_run(connection, tools.ledger, run_id, state, utc_now(), reason)
    seal_run(connection, tools.ledger, run_id, tools.sign, tools.key_id, utc_now())

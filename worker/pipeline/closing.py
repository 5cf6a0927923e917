"""How a run ends: what went wrong is put into sentences, then it is closed and sealed in one transaction."""

import json
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import IllegalArrow
from worker.ledger.requests import end_request
from worker.ledger.runs import PURGE, Run, close_run
from worker.ledger.seal import seal_run
from worker.ledger.states import RunState
from worker.pipeline.set_aside import FAILED
from worker.pipeline.tools import Refused, Tools, utc_now

SUCCEEDED = ("done", "done_with_failures")


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
    left = _approved_but_left(tools, run, plan) if run.kind == PURGE else 0
    if left:
        found.append(text("purging.left", n=left, count=str(left)))
    if failed:
        found.append(text("run_reason.set_aside", n=failed, count=str(failed)))
    if files_waiting:
        found.append(text("run_reason.files", n=files_waiting, count=str(files_waiting)))
    return found


def _approved_but_left(tools: Tools, run: Run, plan: dict[str, Any]) -> int:
    """Units of a purge that no slice acted on: held since, or gone."""
    entry = tools.ledger.entry
    with tools.database.reading() as connection:
        query = sa.select(entry.c.counts).where(entry.c.run_id == run.id, sa.not_(entry.c.part))
        done = sum(int(json.loads(counts)["units"]) for counts in connection.scalars(query))
    approved = sum(int(stage["due"]) for stage in plan["stages"])
    return max(0, approved - done)


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
    end_request(connection, tools.ledger, run_id, "done" if state in SUCCEEDED else "void", utc_now(), reason)
    seal_run(connection, tools.ledger, run_id, tools.sign, tools.key_id, utc_now())

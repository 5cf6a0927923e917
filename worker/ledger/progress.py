"""How far a run has come, for whoever watches."""

from dataclasses import dataclass

import sqlalchemy as sa

from worker.ledger.runs import find_run
from worker.ledger.states import RunState
from worker.ledger.tables import Ledger


@dataclass(frozen=True)
class RunProgress:
    """A run as it stands: units done and in all, slices committed, and the stage of the first open batch."""

    state: RunState
    done: int
    units: int
    slices: int
    stage: str | None


def run_progress(conn: sa.Connection, ledger: Ledger, run_id: str) -> RunProgress:
    """Read from the batches, whoever works on them. Raises LedgerError when there is no such run."""
    state = find_run(conn, ledger, run_id).state
    table = ledger.batch
    columns = (table.c.stage, table.c.units, table.c.cursor, table.c.slices, table.c.state)
    batches = conn.execute(sa.select(*columns).where(table.c.run_id == run_id).order_by(table.c.number)).all()
    return RunProgress(
        state=state,
        done=sum(b.units if b.state == "done" else min(int(b.cursor or 0), b.units) for b in batches),
        units=sum(b.units for b in batches),
        slices=sum(b.slices for b in batches),
        stage=next((b.stage for b in batches if b.state == "open"), None),
    )

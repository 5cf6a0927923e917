"""Before the first slice of a stage: its questions are built and asked about nobody, while no lock is held.

Building them takes longer than a slice does. Without this the first people of each stage stayed locked for as long, and
an application that wanted one of them waited.
"""

from typing import Any

import sqlalchemy as sa

from worker.pipeline.claim import claim_queries
from worker.pipeline.remembering import remembering_queries
from worker.pipeline.selection import selection_queries
from worker.pipeline.verifying import verifying_queries
from worker.plan.stages import StagePlan


def rehearse(connection: sa.Connection, stage: StagePlan) -> None:
    """Read-only: every list of keys is empty. Raises SQLAlchemy's errors."""
    lists = {f"{name}_{i}": list[Any]() for name in ("done", "changed") for i in range(len(stage.rules))}
    nobody = {"keys": [], "people": [], "among": [], "most": 0, "run": "", **lists}
    questions = [claim_queries, selection_queries, remembering_queries, verifying_queries]
    for query in [query for each in questions for query in each(stage)]:
        connection.execute(query, nobody)

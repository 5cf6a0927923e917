"""The requests that are, or were, about a person or a row."""

from collections.abc import Sequence

import sqlalchemy as sa

from worker.ledger.requests import requests_about
from worker.plan.keys import Key
from worker.plan.scene import Scene
from worker.reports.person import RequestFacts


def requests_of(connection: sa.Connection, scene: Scene, table: str, keys: Sequence[Key]) -> list[RequestFacts]:
    """Each request that names one of these rows of the table, once, the newest first."""
    codec = scene.codec(table)
    found = [r for key in keys for r in requests_about(connection, scene.ledger, table, codec.columns_of(key))]
    newest_first = sorted({r.id: r for r in found}.values(), key=lambda r: r.created_at, reverse=True)
    return [
        RequestFacts(r.id, r.operation, r.state, r.received_on, r.answer_by, r.run_id, r.outcome) for r in newest_first
    ]

"""The gate between destroying and holding.

Whatever destroys takes it shared *before* it looks at holds; whoever places a hold or cancels a purge takes it
exclusively and commits under it. So once `hold place` has returned, nothing held is touched any more.
On SQLite the transaction's write lock is the gate (begin it with BEGIN IMMEDIATE): both ways are exclusive there.
"""

import sqlalchemy as sa

from worker.ledger.locks import lock
from worker.ledger.tables import Ledger

_GATE = "gate"


def hold_shared(conn: sa.Connection, ledger: Ledger) -> None:
    """Pass the gate together with others that destroy; kept until the transaction ends."""
    lock(conn, ledger, _GATE, shared=True)


def hold_exclusive(conn: sa.Connection, ledger: Ledger) -> None:
    """Wait until nobody destroys, and keep everybody out until the transaction ends."""
    lock(conn, ledger, _GATE, shared=False)

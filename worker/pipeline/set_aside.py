"""Whose fault an error is, and what is written down of a subject that is set aside for it."""

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from config.catalogue import text
from worker.pipeline.slice import LOCK_TIMEOUT
from worker.pipeline.tools import Broken, Tools
from worker.plan.stages import StagePlan

FAILED = "failed: "
LOCKED = f"{FAILED}another session kept it locked"
IN_THE_WAY, TOOK_TOO_LONG = (LOCK_TIMEOUT, "40P01", "40001"), "57014"


def is_subjects_fault(error: Exception) -> bool:
    """Whether a smaller slice could do better: not when the connection is gone or the server refuses everything."""
    if not isinstance(error, DBAPIError):
        return True
    state = getattr(error.orig, "sqlstate", "")
    if state is None:  # the driver knows states and heard none: no server was there to tell it
        return not isinstance(error, OperationalError)
    # 42501: the role may not; 25006: read only; 53xxx: disk full, out of memory; 57P0x: shut down; 08xxx: connection;
    # 58xxx: the disk is broken.
    systemic = state in ("42501", "25006") or state[:2] in ("53", "08", "58") or state[:3] == "57P"
    return not error.connection_invalidated and not systemic


def may_pass(error: Exception) -> bool:
    """Whether another try may well succeed, since others were in the way: their locks, or all that the server had to do
    besides."""
    return _state(error) in (*IN_THE_WAY, TOOK_TOO_LONG)


def reason_of(error: Exception) -> str:
    """Why, without a value of the row: the database's class of error, or our own sentence."""
    if isinstance(error, Broken):
        return f"{FAILED}{error}"
    if _state(error) in IN_THE_WAY:
        return LOCKED
    if isinstance(error, UnicodeEncodeError):
        return FAILED + text("set_aside.no_utf8")
    return FAILED + text("set_aside.refused", error=type(getattr(error, "orig", error)).__name__)


def _state(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def quarantine(
    connection: sa.Connection, tools: Tools, run_id: str, stage: StagePlan, number: int, text: str, reason: str
) -> None:
    """Write a unit down as not decidable, with the reason; a second reason for the same unit is not needed."""
    table = tools.ledger.quarantine
    same = (
        table.c.run_id == run_id,
        table.c.stage == stage.name,
        table.c.table_name == stage.unit,
        table.c.key_number == number,
        table.c.key_text == text,
    )
    if connection.execute(sa.select(table.c.run_id).where(*same)).first() is None:
        connection.execute(
            table.insert().values(
                run_id=run_id, stage=stage.name, table_name=stage.unit, key_number=number, key_text=text, reason=reason
            )
        )

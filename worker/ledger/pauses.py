"""Pauses: no slice of any run begins while one is in force. Kept for ever: who stood in the way, when and why."""

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.gate import hold_exclusive
from worker.ledger.holds import refuse_personal
from worker.ledger.tables import Ledger


@dataclass(frozen=True)
class Pause:
    """One in force; `paused_at` is naive UTC."""

    reason: str
    author: str
    paused_at: dt.datetime


def pause(conn: sa.Connection, ledger: Ledger, new: Pause) -> None:
    """Pause all work, once open slices have ended: nothing begins after the commit. Raises PersonalText, and
    LedgerError when it is paused already."""
    refuse_personal("reason", new.reason)
    refuse_personal("author", new.author)
    hold_exclusive(conn, ledger)
    if in_force(conn, ledger) is not None:
        raise LedgerError(text("ledger_refuses.paused_already"))
    conn.execute(ledger.pause.insert().values(id=uuid.uuid4().hex, **vars(new)))


def resume(conn: sa.Connection, ledger: Ledger, author: str, at: dt.datetime) -> None:
    """Let work begin again. Raises PersonalText, and LedgerError when nothing is paused."""
    refuse_personal("releaser", author)
    table = ledger.pause
    ended = table.update().where(table.c.resumed_at.is_(None)).values(resumed_at=at, resumed_by=author)
    if conn.execute(ended).rowcount == 0:
        raise LedgerError(text("ledger_refuses.not_paused"))


def in_force(conn: sa.Connection, ledger: Ledger) -> Pause | None:
    """The pause in force, if there is one."""
    row = conn.execute(_in_force(ledger)).first()
    return None if row is None else Pause(*row)


@lru_cache(maxsize=1)
def _in_force(ledger: Ledger) -> sa.Select[str, str, dt.datetime]:
    table = ledger.pause
    return sa.select(table.c.reason, table.c.author, table.c.paused_at).where(table.c.resumed_at.is_(None)).limit(1)

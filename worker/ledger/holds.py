"""Holds placed by hand: what may not be touched, and until when.

A hold covers a person (the subject's key; the plan follows the links), one row, or a whole table. Several holds may
cover the same row: it is free when the last of them is released or has ended.
"""

import datetime as dt
import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError, PersonalText
from worker.ledger.gate import hold_exclusive
from worker.ledger.keys import KeyCodec
from worker.ledger.tables import Ledger

Scope = Literal["person", "row", "table"]

_DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{4})\b")
_LONG_NUMBER = re.compile(r"\d(?:[\s().\-]*\d){9}")
_EMAIL = re.compile(r"\S@\S")


@dataclass(frozen=True)
class Hold:
    """A hold to be placed. Key columns as KeyCodec.columns_of gives them; scope "table" has no key."""

    scope: Scope
    table_name: str
    reason: str
    author: str
    placed_at: dt.datetime
    key_number: int = 0
    key_text: str = ""
    ends_at: dt.datetime | None = None


@dataclass(frozen=True)
class PlacedHold:
    """A hold as the ledger has it; all times naive UTC."""

    id: str
    scope: str
    table_name: str
    key_number: int
    key_text: str
    reason: str
    author: str
    placed_at: dt.datetime
    ends_at: dt.datetime | None
    released_at: dt.datetime | None
    released_by: str | None


def place(conn: sa.Connection, ledger: Ledger, hold: Hold) -> str:
    """Write a hold under the exclusive gate and return its id. It counts once the caller has committed.

    Raises PersonalText when reason or author look like personal data, LedgerError when the end is already past.
    """
    refuse_personal("reason", hold.reason)
    refuse_personal("author", hold.author)
    if hold.ends_at is not None and hold.ends_at <= hold.placed_at:
        raise LedgerError(text("ledger_refuses.past_hold"))
    hold_exclusive(conn, ledger)
    hold_id = uuid.uuid4().hex
    conn.execute(ledger.hold.insert().values(id=hold_id, **vars(hold)))
    return hold_id


def release(conn: sa.Connection, ledger: Ledger, hold_id: str, released_by: str, at: dt.datetime) -> None:
    """End a hold. Rows it covered become due again by themselves.

    Raises PersonalText, and LedgerError when no such hold is in force.
    """
    refuse_personal("releaser", released_by)
    held = ledger.hold
    done = conn.execute(
        held.update()
        .where(held.c.id == hold_id, held.c.released_at.is_(None))
        .values(released_at=at, released_by=released_by)
    )
    if done.rowcount != 1:
        raise LedgerError(text("ledger_refuses.no_hold"))


def list_active(conn: sa.Connection, ledger: Ledger, at: dt.datetime) -> list[PlacedHold]:
    """Holds in force at `at`, oldest first."""
    held = ledger.hold
    rows = conn.execute(held.select().where(in_force(held, at)).order_by(held.c.placed_at, held.c.id))
    return [PlacedHold(**row) for row in rows.mappings()]


def active_holds_exist(
    ledger: Ledger,
    scope: Scope,
    table_name: str,
    source: Sequence[sa.ColumnElement[Any]],
    dialect: str,
    now: dt.datetime,
) -> sa.ColumnElement[bool]:
    """SQL: some hold of this scope on `table_name` covers the row whose key columns are `source`.

    For scope "table" the key is not looked at. Correlates with the enclosing statement's tables.
    """
    held = ledger.hold.alias()
    covered = sa.select(held.c.id).where(held.c.scope == scope, held.c.table_name == table_name, in_force(held, now))
    if scope != "table":
        covered = covered.where(KeyCodec.of(source).match(held, source, dialect))
    return covered.correlate_except(held).exists()


def refuse_personal(what: str, written: str) -> None:
    """Raise PersonalText when a free text is empty, or has an e-mail or ten digits and more in a row (dates excepted).

    An IIN has twelve digits, a phone at least ten, however they are spaced. `what`: reason, author or releaser.
    """
    if not written.strip():
        raise PersonalText(text(f"free_text.{what}_empty"))
    plain = "".join(c for c in unicodedata.normalize("NFKC", written) if unicodedata.category(c) != "Cf")
    if _EMAIL.search(plain):
        raise PersonalText(text(f"free_text.{what}_email"))
    if _LONG_NUMBER.search(_DATE.sub("DATE", plain)):
        raise PersonalText(text(f"free_text.{what}_number"))


def in_force(held: sa.FromClause, at: dt.datetime) -> sa.ColumnElement[bool]:
    """SQL: a hold's row is neither released nor past its end at `at` (naive UTC)."""
    return sa.and_(
        held.c.released_at.is_(None),
        sa.or_(held.c.ends_at.is_(None), held.c.ends_at > at),
    )

"""Seals: the signed, chained hashes that make later changes of closed runs visible.

A row's digest is the sha256 of its canonical JSON (every column, keys sorted, times ISO 8601 in UTC with
microseconds). A seal's digest is the sha256 of the canonical JSON of all its columns but `digest` and `signature`:
the digest of the run's row, those of its entries in (batch, slice) order, and the digest of the seal before. The
signature (Ed25519, base64) is over the 32 bytes of the digest.

What a chain inside the database cannot show is that its newest end was cut off, run, entries and seal together:
the last seal also stands in the report and in the notification.
"""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.locks import lock
from worker.ledger.tables import Ledger


def seal_run(
    conn: sa.Connection,
    ledger: Ledger,
    run_id: str,
    sign: Callable[[bytes], bytes],
    key_id: str,
    sealed_at: dt.datetime,
) -> str:
    """Seal a closed run and return the seal's digest (hex). Call it in the transaction that closes the run.

    Raises LedgerError while the run is open, and SQLAlchemy's IntegrityError when it is sealed already.
    Needs READ COMMITTED: it waits for other sealers and then reads the newest seal.
    """
    lock(conn, ledger, "seal", shared=False)
    run = conn.execute(ledger.run.select().where(ledger.run.c.id == run_id)).mappings().one()
    if run["state"] == "open":
        raise LedgerError(text("ledger_refuses.open_run"))
    last = conn.execute(ledger.seal.select().order_by(ledger.seal.c.ordinal.desc()).limit(1)).mappings().first()
    leaves = entry_digests(conn, ledger, run_id)
    seal = {
        "run_id": run_id,
        "ordinal": last["ordinal"] + 1 if last else 1,
        "entries": len(leaves),
        "previous": last["digest"] if last else "",
        "run_digest": row_digest(run),
        "entry_digests": canonical(leaves),
        "key_id": key_id,
        "sealed_at": sealed_at,
    }
    digest = seal_digest(seal)
    signature = base64.b64encode(sign(bytes.fromhex(digest))).decode()
    conn.execute(ledger.seal.insert().values(**seal, digest=digest, signature=signature))
    return digest


def entry_digests(conn: sa.Connection, ledger: Ledger, run_id: str) -> list[list[str]]:
    """[attempt, digest] of every entry of the run, in (batch, slice) order."""
    table = ledger.entry
    rows = conn.execute(
        table.select().where(table.c.run_id == run_id).order_by(table.c.batch, table.c.slice)
    ).mappings()
    return [[row["attempt"], row_digest(row)] for row in rows]


def seal_digest(seal: Mapping[str, Any]) -> str:
    """The digest that a seal with these columns must have."""
    return row_digest({name: value for name, value in seal.items() if name not in ("digest", "signature")})


def row_digest(row: Mapping[Any, Any]) -> str:
    """sha256 (hex) of the row's canonical JSON."""
    return hashlib.sha256(canonical(dict(row)).encode()).hexdigest()


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no blanks, dates and times in ISO 8601."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_iso)


def _iso(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(f"A {type(value).__name__} has no canonical form in a seal.")

"""Does the ledger still say what was sealed? Read-only."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.catalogue import text
from worker.ledger.seal import entry_digests, row_digest, seal_digest
from worker.ledger.signing import is_signed, key_id, load_public_key
from worker.ledger.tables import Ledger

Row = Mapping[Any, Any]


def verify(conn: sa.Connection, ledger: Ledger, public_keys: Iterable[bytes], printed: Iterable[str] = ()) -> list[str]:
    """Everything wrong with closed runs, entries and seals, a sentence each; empty when all is as sealed.

    `public_keys` are the PEMs of every key that ever signed; `printed` are digests of seals as reports show them:
    whoever owns the database could remove the newest runs with all that proves them, but not from the paper. Raises
    LedgerError when a key cannot be read.
    """
    keys = {key_id(key): key for key in map(load_public_key, public_keys)}
    seals = conn.execute(ledger.seal.select().order_by(ledger.seal.c.ordinal)).mappings().all()
    known = {seal["digest"] for seal in seals}
    findings = [text("changed.printed_seal_gone", digest=digest) for digest in printed if digest not in known]
    findings += _broken_links(seals)
    for seal in seals:
        findings += _broken_seal(seal, keys)
        findings += _changed_run(conn, ledger, seal)
        findings += _changed_entries(seal, entry_digests(conn, ledger, seal["run_id"]))
    findings += _closed_without_seal(conn, ledger)
    findings += _entries_without_run(conn, ledger)
    return findings


def _broken_links(seals: Sequence[Row]) -> Iterator[str]:
    expected, previous = 1, ""
    for seal in seals:
        if seal["ordinal"] != expected:
            yield text("changed.seal_removed", **_named(seal), expected=str(expected))
        elif seal["previous"] != previous:
            yield text("changed.chain_broken", **_named(seal))
        expected, previous = seal["ordinal"] + 1, seal["digest"]


def _broken_seal(seal: Row, keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    if seal_digest(seal) != seal["digest"]:
        yield text("changed.seal_changed", **_named(seal))
    key = keys.get(seal["key_id"])
    if key is None:
        yield text("changed.unknown_key", **_named(seal), key=seal["key_id"])
    elif not is_signed(key, *_signed_bytes(seal)):
        yield text("changed.wrong_signature", **_named(seal))


def _changed_run(conn: sa.Connection, ledger: Ledger, seal: Row) -> Iterator[str]:
    run = conn.execute(ledger.run.select().where(ledger.run.c.id == seal["run_id"])).mappings().first()
    if run is None:
        yield text("changed.run_removed", run=seal["run_id"])
    elif row_digest(run) != seal["run_digest"]:
        yield text("changed.run_changed", run=seal["run_id"])


def _changed_entries(seal: Row, present: list[list[str]]) -> Iterator[str]:
    sealed = _sealed_entries(seal)
    now = dict(present)
    for attempt, digest in sealed.items():
        if attempt not in now:
            yield text("changed.entry_removed", entry=attempt, run=seal["run_id"])
        elif now[attempt] != digest:
            yield text("changed.entry_changed", entry=attempt, run=seal["run_id"])
    for attempt in now:
        if attempt not in sealed:
            yield text("changed.entry_added", entry=attempt, run=seal["run_id"])
    if [a for a in sealed if a in now] != [a for a in now if a in sealed]:
        yield text("changed.reordered", run=seal["run_id"])


def _closed_without_seal(conn: sa.Connection, ledger: Ledger) -> Iterator[str]:
    run, seal = ledger.run, ledger.seal
    unsealed = (
        sa.select(run.c.id)
        .outerjoin(seal, seal.c.run_id == run.c.id)
        .where(run.c.state != "open", seal.c.run_id.is_(None))
        .order_by(run.c.started_at, run.c.id)
    )
    for run_id in conn.scalars(unsealed):
        yield text("changed.no_seal", run=run_id)


def _entries_without_run(conn: sa.Connection, ledger: Ledger) -> Iterator[str]:
    run, entry = ledger.run, ledger.entry
    orphans = (
        sa.select(entry.c.attempt)
        .outerjoin(run, run.c.id == entry.c.run_id)
        .where(run.c.id.is_(None))
        .order_by(entry.c.attempt)
    )
    for attempt in conn.scalars(orphans):
        yield text("changed.no_run", entry=attempt)


def _sealed_entries(seal: Row) -> dict[str, str]:
    """Digest by attempt; nothing when the list was damaged, which the seal's own digest already tells."""
    try:
        return {str(attempt): str(digest) for attempt, digest in json.loads(seal["entry_digests"])}
    except (ValueError, TypeError):
        return {}


def _signed_bytes(seal: Row) -> tuple[bytes, bytes]:
    """Signature and what it is over; damaged text gives bytes that no key signed."""
    try:
        return base64.b64decode(seal["signature"], validate=True), bytes.fromhex(seal["digest"])
    except ValueError:
        return b"", b""


def _named(seal: Row) -> dict[str, str]:
    return {"seal": str(seal["ordinal"]), "run": seal["run_id"]}

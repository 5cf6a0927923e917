"""Does the ledger still say what was sealed? Read-only."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from worker.ledger.seal import entry_digests, row_digest, seal_digest
from worker.ledger.signing import is_signed, key_id, load_public_key
from worker.ledger.tables import Ledger

Row = Mapping[Any, Any]


def verify(conn: sa.Connection, ledger: Ledger, public_keys: Iterable[bytes]) -> list[str]:
    """Everything wrong with closed runs, entries and seals, a sentence each; empty when all is as sealed.

    `public_keys` are the PEMs of every key that ever signed. Raises LedgerError when one cannot be read.
    """
    keys = {key_id(key): key for key in map(load_public_key, public_keys)}
    seals = conn.execute(ledger.seal.select().order_by(ledger.seal.c.ordinal)).mappings().all()
    findings = list(_broken_links(seals))
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
        name = _name(seal)
        if seal["ordinal"] != expected:
            yield f"Before {name} at least one seal was removed: number {expected} is missing."
        elif seal["previous"] != previous:
            yield f"The chain is broken at {name}: it does not follow from the seal before it."
        expected, previous = seal["ordinal"] + 1, seal["digest"]


def _broken_seal(seal: Row, keys: Mapping[str, Ed25519PublicKey]) -> Iterator[str]:
    if seal_digest(seal) != seal["digest"]:
        yield f"{_capital(_name(seal))} was changed: its digest is not that of its content."
    key = keys.get(seal["key_id"])
    if key is None:
        yield f"{_capital(_name(seal))} names the signing key {seal['key_id']}, which is not among the keys given."
    elif not is_signed(key, *_signed_bytes(seal)):
        yield f"The signature of {_name(seal)} is wrong."


def _changed_run(conn: sa.Connection, ledger: Ledger, seal: Row) -> Iterator[str]:
    run = conn.execute(ledger.run.select().where(ledger.run.c.id == seal["run_id"])).mappings().first()
    if run is None:
        yield f"The run {seal['run_id']} was removed after it was sealed."
    elif row_digest(run) != seal["run_digest"]:
        yield f"The run {seal['run_id']} was changed after it was sealed."


def _changed_entries(seal: Row, present: list[list[str]]) -> Iterator[str]:
    sealed = _sealed_entries(seal)
    now = dict(present)
    for attempt, digest in sealed.items():
        if attempt not in now:
            yield f"The entry {attempt} of run {seal['run_id']} was removed after it was sealed."
        elif now[attempt] != digest:
            yield f"The entry {attempt} of run {seal['run_id']} was changed after it was sealed."
    for attempt in now:
        if attempt not in sealed:
            yield f"The entry {attempt} was added to run {seal['run_id']} after it was sealed."
    if [a for a in sealed if a in now] != [a for a in now if a in sealed]:
        yield f"The entries of run {seal['run_id']} were reordered after it was sealed."


def _closed_without_seal(conn: sa.Connection, ledger: Ledger) -> Iterator[str]:
    run, seal = ledger.run, ledger.seal
    unsealed = (
        sa.select(run.c.id)
        .outerjoin(seal, seal.c.run_id == run.c.id)
        .where(run.c.state != "open", seal.c.run_id.is_(None))
        .order_by(run.c.started_at, run.c.id)
    )
    for run_id in conn.scalars(unsealed):
        yield f"The run {run_id} is closed but has no seal: it was never sealed, or its seal was removed."


def _entries_without_run(conn: sa.Connection, ledger: Ledger) -> Iterator[str]:
    run, entry = ledger.run, ledger.entry
    orphans = (
        sa.select(entry.c.attempt)
        .outerjoin(run, run.c.id == entry.c.run_id)
        .where(run.c.id.is_(None))
        .order_by(entry.c.attempt)
    )
    for attempt in conn.scalars(orphans):
        yield f"The entry {attempt} belongs to a run that is not in the ledger: the run was removed."


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


def _name(seal: Row) -> str:
    return f"seal {seal['ordinal']} (run {seal['run_id']})"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]

"""Decisions: who asked for, approved or cancelled what, and saw which plan. Signed, and never changed."""

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from worker.ledger.seal import canonical
from worker.ledger.signing import is_signed
from worker.ledger.tables import Ledger

Action = Literal["request", "approve", "cancel"]
SignedWith = Literal["account", "token"]


@dataclass(frozen=True)
class Signer:
    """Who decides: `account`: the operating system's account, whose word the installation's key signs for; `token`: a
    person with a key of their own."""

    name: str
    signed_with: SignedWith
    key_id: str
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Decision:
    """A decision as the ledger has it. `about`: a request's id, or what else was decided on; naive UTC."""

    id: str
    about: str
    action: str
    fingerprint: str
    author: str
    signed_with: SignedWith
    key_id: str
    signature: str
    decided_at: dt.datetime

    @property
    def message(self) -> bytes:
        """What the signature is over: everything that the decision says."""
        return _message(self.about, self.action, self.fingerprint, self.author, self.decided_at)

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is this key's, over exactly what stands here."""
        try:
            signature = base64.b64decode(self.signature, validate=True)
        except binascii.Error:
            return False
        return is_signed(key, signature, self.message)


def decide(
    conn: sa.Connection,
    ledger: Ledger,
    about: str,
    action: Action,
    fingerprint: str,
    signer: Signer,
    at: dt.datetime,
) -> None:
    """Write a signed decision, in the transaction of what it leads to."""
    signature = signer.sign(_message(about, action, fingerprint, signer.name, at))
    conn.execute(
        ledger.decision.insert().values(
            id=uuid.uuid4().hex,
            about=about,
            action=action,
            fingerprint=fingerprint,
            author=signer.name,
            signed_with=signer.signed_with,
            key_id=signer.key_id,
            signature=base64.b64encode(signature).decode(),
            decided_at=at,
        )
    )


def decisions_about(conn: sa.Connection, ledger: Ledger, about: str) -> list[Decision]:
    """Every decision about it, the oldest first."""
    table = ledger.decision
    query = table.select().where(table.c.about == about).order_by(table.c.decided_at, table.c.id)
    return [Decision(**row) for row in conn.execute(query).mappings()]


def _message(about: str, action: str, fingerprint: str, author: str, at: dt.datetime) -> bytes:
    said = {"about": about, "action": action, "fingerprint": fingerprint, "author": author, "decided_at": at}
    return canonical(said).encode()

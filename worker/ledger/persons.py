"""Persons with a token of their own: the public half of it stands here, by which their decisions are verified."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.catalogue import text
from worker.ledger.errors import LedgerError
from worker.ledger.holds import refuse_personal
from worker.ledger.signing import key_id, load_public_key
from worker.ledger.tables import Ledger


@dataclass(frozen=True)
class Person:
    """Somebody with a token; `registered_by` is an account, times are naive UTC."""

    name: str
    public_key: str
    registered_by: str
    registered_at: dt.datetime
    revoked_at: dt.datetime | None

    @property
    def key(self) -> Ed25519PublicKey:
        """The public key. Raises LedgerError when it was spoiled."""
        return load_public_key(self.public_key.encode())


def register(
    conn: sa.Connection, ledger: Ledger, name: str, public_key: str, registered_by: str, at: dt.datetime
) -> None:
    """Write down a person's public key (PEM). A name is given once: decisions bear it.

    Raises LedgerError when the name is taken, PersonalText when it looks like more than a name.
    """
    refuse_personal("author", name)
    taken = next((p.name for p in persons(conn, ledger) if p.name.casefold() == name.casefold()), None)
    if taken is not None:
        raise LedgerError(text("ledger_refuses.person_taken", name=taken))
    values = {"name": name, "public_key": public_key, "registered_by": registered_by, "registered_at": at}
    conn.execute(ledger.person.insert().values(values))


def revoke(conn: sa.Connection, ledger: Ledger, name: str, at: dt.datetime) -> None:
    """Let a token count no more. Raises LedgerError when nobody of that name has one that counts."""
    table = ledger.person
    valid = (table.c.name == name, table.c.revoked_at.is_(None))
    if conn.execute(table.update().where(*valid).values(revoked_at=at)).rowcount != 1:
        raise LedgerError(text("ledger_refuses.no_person_token", name=name))


def persons(conn: sa.Connection, ledger: Ledger) -> list[Person]:
    """Everybody who has, or had, a token, by name."""
    table = ledger.person
    return [Person(**row) for row in conn.execute(table.select().order_by(table.c.name)).mappings()]


def person_with_key(conn: sa.Connection, ledger: Ledger, wanted: str) -> Person | None:
    """Whose key it is that bears this id."""
    return next((p for p in persons(conn, ledger) if key_id(p.key) == wanted), None)
